/* The plate left of the split, the composite from the split on. split: 0..1 of the picture's width. */
void main()
{
  vec3 before = picked(plate, place).rgb;
  vec3 after = picked(composite, place).rgb;
  pixel = vec4(stored(shown(place.x < split ? before : after, to_display, gamma), srgbTarget), 1.0);
}
