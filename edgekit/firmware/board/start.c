/* Start-up of a bare Cortex-M: vectors, memory, the semihosting calls that print and end, and a counter of
   instructions. */
#include <stdint.h>
#include <string.h>

#include "board.h"

extern uint32_t data_load, data_start, data_end, bss_start, bss_end, stack_bottom, stack_top;

int main(void);

static int32_t semihost(int32_t operation, const void *argument) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_end(int32_t status) {
  const uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
  semihost(0x20, block);                                  /* SYS_EXIT_EXTENDED */
  for (;;) {
  }
}

void board_write(const char *file, const void *bytes, uint32_t count) {
  const uint32_t open[3] = {(uint32_t)(uintptr_t)file, 5 /* wb */, (uint32_t)strlen(file)};
  const uint32_t handle = (uint32_t)semihost(0x01, open);
  const uint32_t write[3] = {handle, (uint32_t)(uintptr_t)bytes, count};
  if (handle == 0xffffffffu || semihost(0x05, write) != 0) board_end(3);
  semihost(0x02, &handle);
}

#ifdef SYSTEM_COUNTER
/* The system counter of Arm's SSE-300: its control and status frames. */
void board_start_counting(void) { *(volatile uint32_t *)0x58100000 = 1; }

uint32_t board_ticks(void) { return *(volatile uint32_t *)0x48101000; }
#else
/* A CMSDK APB timer: control, value, reload. It counts down. */
#ifndef TIMER_BASE
#define TIMER_BASE 0x40000000
#endif
#define TIMER ((volatile uint32_t *)TIMER_BASE)

void board_start_counting(void) {
  TIMER[0] = 0;
  TIMER[2] = 0xffffffffu;
  TIMER[1] = 0xffffffffu;
  TIMER[0] = 1;
}

uint32_t board_ticks(void) { return 0xffffffffu - TIMER[1]; }
#endif

#define PAINT 0xa5a5a5a5u

void board_paint_stack(void) {
  uint32_t *here;
  __asm__ volatile("mov %0, sp" : "=r"(here));
  for (volatile uint32_t *word = &stack_bottom; word < here - 16; word++) *word = PAINT;
}

uint32_t board_stack_used(void) {
  const uint32_t *word = &stack_bottom;
  while (word < &stack_top && *word == PAINT) word++;
  return (uint32_t)((const uint8_t *)&stack_top - (const uint8_t *)word);
}

void board_reset(void);
void board_reset(void) {
#ifdef STRICT_ALIGNMENT
  *(volatile uint32_t *)0xe000ed14 |= 8u; /* CCR: what is not aligned ends in a fault, as on ARMv6-M */
#else
  *(volatile uint32_t *)0xe000ed88 |= 0xf00000u; /* CPACR: the floating-point unit on */
#endif
  memcpy(&data_start, &data_load, (uint32_t)((uint8_t *)&data_end - (uint8_t *)&data_start));
  memset(&bss_start, 0, (uint32_t)((uint8_t *)&bss_end - (uint8_t *)&bss_start));
  board_end(main());
}

static void fault(void) { board_end(4); }

typedef struct {
  uint32_t *stack;
  void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    &stack_top, {board_reset, fault, fault, fault, fault, fault}};
