/* The composite made anew with a gain on the new face, scene-linear, before compositing, as the node group
 * "Understudy Swap" does it. swap is premultiplied by the matte, as the layer of that name is.
 * Left of the split the plate alone is shown (split 0: nowhere). */
void main()
{
  vec3 before = picked(plate, place).rgb;
  vec3 face = picked(swap, place).rgb;
  float amount = picked(matte, place).r;
  vec3 after = before * (1.0 - amount) + face * gain;
  pixel = vec4(stored(shown(place.x < split ? before : after, to_display, gamma), srgbTarget), 1.0);
}
