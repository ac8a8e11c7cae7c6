/* uint8 as int8 of the same scale. */
static void shift_uint8(const uint8_t *input, int8_t *output, int32_t count) {
  for (int32_t i = 0; i < count; i++) output[i] = (int8_t)(input[i] - 128);
}
