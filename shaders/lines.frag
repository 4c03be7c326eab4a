/* Coverage of a round-ended stroke from the distance to its middle line, smooth over one pixel. */
void main()
{
  vec2 along = ends.zw - ends.xy;
  float t = clamp(dot(place - ends.xy, along) / max(dot(along, along), 1e-12), 0.0, 1.0);
  float away = distance(place, ends.xy + t * along);
  pixel = vec4(stored(ink.rgb, srgbTarget), ink.a * clamp(half_width + 0.5 - away, 0.0, 1.0));
}
