/* Colour shared by every program. Textures arrive in the scene-linear working space of the file; each
 * program makes display values of them and ends in stored().
 * Functions only, no arrays, no globals: this text is compiled for OpenGL, Vulkan and Metal. */

/* The sRGB transfer (IEC 61966-2-1), mirrored below 0 and carried on above 1. */
float encoded(float value)
{
  float size = abs(value);
  float curve = size < 0.0031308 ? 12.92 * size : 1.055 * pow(size, 1.0 / 2.4) - 0.055;
  return value < 0.0 ? -curve : curve;
}

vec3 encoded(vec3 value)
{
  return vec3(encoded(value.r), encoded(value.g), encoded(value.b));
}

/* A display colour as the framebuffer wants it. An offscreen buffer keeps what is written; an editor's
 * region is linear (Blender then sets srgbTarget) and is shown by Blender with a plain gamma of 2.2,
 * not with the sRGB transfer: measured in its window, where only this leaves a picture unchanged. */
vec3 stored(vec3 display, bool region)
{
  return region ? pow(display, vec3(2.2)) : display;
}

float luminance(vec3 rec709)
{
  return dot(rec709, vec3(0.2126, 0.7152, 0.0722));
}

/* Scene-linear working space to display values 0..1: exposure and primaries, transfer, gamma. */
vec3 shown(vec3 scene, mat4 to_display, float gamma)
{
  vec3 rec709 = (to_display * vec4(scene, 1.0)).rgb;
  return pow(clamp(encoded(rec709), 0.0, 1.0), vec3(1.0 / gamma));
}

/* Display colour of an amount: 0 is black, then violet, rose, amber, and white at 1 and beyond. */
vec3 false_colour(float amount)
{
  float t = 4.0 * clamp(amount, 0.0, 1.0);
  vec3 ramp = mix(vec3(0.0), vec3(0.30, 0.10, 0.55), clamp(t, 0.0, 1.0));
  ramp = mix(ramp, vec3(0.85, 0.20, 0.42), clamp(t - 1.0, 0.0, 1.0));
  ramp = mix(ramp, vec3(1.00, 0.68, 0.18), clamp(t - 2.0, 0.0, 1.0));
  return mix(ramp, vec3(1.0), clamp(t - 3.0, 0.0, 1.0));
}

/* The picture at a place: its own pixels, which an artist counts, unless it is reduced; then filtered.
 * Infinities become the largest half, so that what is reckoned with them stays a number. */
vec4 picked(sampler2D image, vec2 place)
{
  ivec2 size = textureSize(image, 0);
  vec2 texel = place * vec2(size);
  vec2 reach = fwidth(texel);
  vec4 filtered = texture(image, place);
  vec4 own = texelFetch(image, clamp(ivec2(floor(texel)), ivec2(0), size - 1), 0);
  return clamp(max(reach.x, reach.y) < 1.01 ? own : filtered, -65504.0, 65504.0);
}
