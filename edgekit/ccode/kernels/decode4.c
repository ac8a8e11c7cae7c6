#include "palette.c"

static const uint32_t *decode4(const uint32_t *indexes, const int8_t *tables, int32_t count, int8_t *to) {
  return decode(indexes, tables, 4, count, to);
}
