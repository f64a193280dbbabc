// Declarations written from the published interface of TensorFlow Lite Micro (micro_interpreter.h, c/common.h).
#pragma once

#include <vector>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#define TFLITE_SCHEMA_VERSION (3)

union TfLitePtrUnion {
  std::int8_t* int8;
  std::uint8_t* uint8;
  void* data;
};

struct TfLiteTensor {
  TfLitePtrUnion data;
  std::size_t bytes;
};

// The test's: sizes of the inputs and outputs, and what takes the place of an inference.
extern const std::vector<std::size_t> kTestInputs, kTestOutputs;
TfLiteStatus TestInvoke(std::vector<TfLiteTensor>& inputs, std::vector<TfLiteTensor>& outputs);

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model*, const MicroOpResolver&, std::uint8_t* arena, std::size_t size)
      : arena_(arena), size_(size) {}
  TfLiteStatus AllocateTensors() {
    std::size_t used = 0;
    for (const auto* sizes : {&kTestInputs, &kTestOutputs}) {
      for (const std::size_t bytes : *sizes) {
        TfLiteTensor tensor{};
        tensor.data.data = arena_ + used;
        tensor.bytes = bytes;
        (sizes == &kTestInputs ? inputs_ : outputs_).push_back(tensor);
        used += bytes;
      }
    }
    return used <= size_ ? kTfLiteOk : kTfLiteError;
  }
  TfLiteStatus Invoke() { return TestInvoke(inputs_, outputs_); }
  TfLiteTensor* input(std::size_t place) { return &inputs_.at(place); }
  TfLiteTensor* output(std::size_t place) { return &outputs_.at(place); }
  std::size_t inputs_size() const { return inputs_.size(); }
  std::size_t outputs_size() const { return outputs_.size(); }
  std::size_t arena_used_bytes() const { return size_; }

 private:
  std::uint8_t* arena_;
  std::size_t size_;
  std::vector<TfLiteTensor> inputs_, outputs_;
};

}  // namespace tflite
