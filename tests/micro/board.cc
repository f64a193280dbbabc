// A board for tests: the interpreter knows the golden samples, and one photo follows.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "golden.h"
#include "model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/system_setup.h"
#ifdef PHOTO
#include "photo_input.h"
#endif

using namespace zoo_model;

const std::vector<std::size_t> kTestInputs(kInputBytes, kInputBytes + kInputs);
const std::vector<std::size_t> kTestOutputs(kOutputBytes, kOutputBytes + kOutputs);
static bool is_known = false;

TfLiteStatus TestInvoke(std::vector<TfLiteTensor>& inputs, std::vector<TfLiteTensor>& outputs) {
  is_known = false;
  for (int sample = 0; sample < kGoldenSamples && !is_known; ++sample) {
    is_known = true;
    for (int place = 0; place < kInputs; ++place) {
      is_known = is_known && !std::memcmp(inputs[place].data.data, kGoldenInputs[sample][place], kInputBytes[place]);
    }
    for (int place = 0; place < kOutputs && is_known; ++place) {
      std::memcpy(outputs[place].data.data, kGoldenOutputs[sample][place], kOutputBytes[place]);
#ifdef BROKEN
      outputs[place].data.uint8[0] ^= 1;
#endif
    }
  }
  return kTfLiteOk;
}

void tflite::InitializeTarget() {}

void MicroPrintf(const char* format, ...) {
  va_list values;
  va_start(values, format);
  std::vprintf(format, values);
  va_end(values);
  std::printf("\n");
}

static int given = 0;

#ifdef PHOTO
bool NextPhoto(std::uint8_t* rgb) {
  if (given) std::printf("the photo is %s\n", is_known ? "the first golden sample" : "another");
  if (given++) return false;
  return std::fread(rgb, 1, 3 * photo_input::kHeight * photo_input::kWidth, stdin) > 0;
}
#else
bool NextInputs(void* const* inputs) {
  if (given++) return false;
  for (int place = 0; place < kInputs; ++place) std::memcpy(inputs[place], kGoldenInputs[0][place], kInputBytes[place]);
  return true;
}
#endif
