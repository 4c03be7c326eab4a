/* A stroke with round ends from start to end; start = end makes a dot. One rectangle a stroke, its four
 * corners told by side (-1 or 1 along, -1 or 1 across). The stroke's ends are in plate pixels (or any
 * units that placement brings to region pixels: scale xy, offset zw), its radius in region pixels. */
void main()
{
  vec2 a = start * placement.xy + placement.zw;
  vec2 b = end * placement.xy + placement.zw;
  float reach = length(b - a);
  vec2 along = reach > 0.0 ? (b - a) / reach : vec2(1.0, 0.0);
  vec2 across = vec2(-along.y, along.x);
  vec2 spot = (side.x < 0.0 ? a : b) + (radius + 1.0) * (side.x * along + side.y * across);
  place = spot;
  ends = vec4(a, b);
  ink = colour;
  half_width = radius;
  gl_Position = ModelViewProjectionMatrix * vec4(spot, 0.0, 1.0);
}
