/* Cortex-M0, M0+ and M23 have no product of 64 bits: NARROW says that two products of 32 cost less than one of those. */
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define NARROW
#endif
