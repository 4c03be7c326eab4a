/* The composite under a tint where the matte is. tint: display colour, its alpha the tint's strength.
 * The picture loses its own colour under the tint, so that a red tint reads on skin. */
void main()
{
  vec3 picture = shown(picked(composite, place).rgb, to_display, gamma);
  float amount = tint.a * clamp(picked(matte, place).r, 0.0, 1.0);
  vec3 stained = mix(vec3(luminance(picture)), tint.rgb, 0.5);
  pixel = vec4(stored(mix(picture, stained, amount), srgbTarget), 1.0);
}
