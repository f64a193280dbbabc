// Declarations written from the published interface of TensorFlow Lite (schema_generated.h).
#pragma once

#include <cstdint>
#include <cstring>

namespace tflite {

class Model {
 public:
  // In a .tflite, bytes 4 to 7 say "TFL3".
  int version() const { return std::memcmp(reinterpret_cast<const char*>(this) + 4, "TFL3", 4) == 0 ? 3 : 0; }
};

inline const Model* GetModel(const void* bytes) { return static_cast<const Model*>(bytes); }

}  // namespace tflite
