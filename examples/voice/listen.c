/* Listens to 16-bit PCM at 8 kHz on its standard input as the firmware listens to its microphone, and prints what it hears. */
#include <stdio.h>

#include "voice_config.h"
#include "voice_stream.h"

static const char *const labels[] = VOICE_LABELS;
static int64_t arena[VOICE_ARENA_BYTES / 8 + 1];
static voice_stream stream;

static void answered(const voice_answer *answer, void *context) {
  (void)context;
  if (answer->detected != VOICE_STREAM_NOTHING) printf("%.1f s: %s\n", answer->heard / 8000.0, labels[answer->detected]);
}

int main(void) {
  int16_t pcm[256]; /* what a microphone's DMA gives at a time */
  size_t n;

  voice_stream_reset(&stream);
  while ((n = fread(pcm, sizeof pcm[0], sizeof pcm / sizeof pcm[0], stdin)) > 0) {
    if (voice_feed(&stream, pcm, n, arena, answered, NULL) != 0) return 1;
  }
  return 0;
}
