/* How far composite and plate differ to the eye: the largest channel difference of the encoded values,
 * times gain, as a false colour. Exposure counts: what is lifted into view is compared there. */
void main()
{
  vec3 before = encoded((to_display * vec4(picked(plate, place).rgb, 1.0)).rgb);
  vec3 after = encoded((to_display * vec4(picked(composite, place).rgb, 1.0)).rgb);
  vec3 apart = abs(after - before);
  pixel = vec4(stored(false_colour(gain * max(apart.r, max(apart.g, apart.b))), srgbTarget), 1.0);
}
