/* A picture's rectangle: position in clip space, corner 0..1 from the picture's bottom left. */
void main()
{
  place = corner;
  gl_Position = position;
}
