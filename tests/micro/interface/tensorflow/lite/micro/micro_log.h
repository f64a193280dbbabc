// A declaration written from the published interface of TensorFlow Lite Micro (micro_log.h).
#pragma once

void MicroPrintf(const char* format, ...);
