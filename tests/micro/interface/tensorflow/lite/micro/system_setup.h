// A declaration written from the published interface of TensorFlow Lite Micro (system_setup.h).
#pragma once

namespace tflite {

void InitializeTarget();

}  // namespace tflite
