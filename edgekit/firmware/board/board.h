/* What the simulated board offers. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_end(int32_t status);
void board_write(const char *file, const void *bytes, uint32_t count);
void board_start_counting(void);
uint32_t board_ticks(void);
void board_paint_stack(void);
uint32_t board_stack_used(void);

#endif
