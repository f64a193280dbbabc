// Declarations written from the published interface of TensorFlow Lite Micro (micro_mutable_op_resolver.h), which no
// package carries: enough to compile what an export writes.
#pragma once

#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {

class MicroOpResolver {
 public:
  int added = 0;
};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
#define METHOD(name) \
  TfLiteStatus name() { return ++added > static_cast<int>(tOpCount) ? kTfLiteError : kTfLiteOk; }
  METHOD(AddAdd)
  METHOD(AddAveragePool2D)
  METHOD(AddConcatenation)
  METHOD(AddConv2D)
  METHOD(AddDepthwiseConv2D)
  METHOD(AddFullyConnected)
  METHOD(AddMaxPool2D)
  METHOD(AddMean)
  METHOD(AddMul)
  METHOD(AddPad)
  METHOD(AddQuantize)
  METHOD(AddReshape)
  METHOD(AddSoftmax)
#undef METHOD
};

}  // namespace tflite
