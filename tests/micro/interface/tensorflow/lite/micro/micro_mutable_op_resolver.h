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
  METHOD(AddAbs)
  METHOD(AddAdd)
  METHOD(AddAddN)
  METHOD(AddArgMax)
  METHOD(AddArgMin)
  METHOD(AddAssignVariable)
  METHOD(AddAveragePool2D)
  METHOD(AddBatchMatMul)
  METHOD(AddBatchToSpaceNd)
  METHOD(AddBroadcastArgs)
  METHOD(AddBroadcastTo)
  METHOD(AddCallOnce)
  METHOD(AddCast)
  METHOD(AddCeil)
  METHOD(AddCircularBuffer)
  METHOD(AddConcatenation)
  METHOD(AddConv2D)
  METHOD(AddCos)
  METHOD(AddCumSum)
  METHOD(AddDepthToSpace)
  METHOD(AddDepthwiseConv2D)
  METHOD(AddDequantize)
  METHOD(AddDetectionPostprocess)
  METHOD(AddDiv)
  METHOD(AddDynamicUpdateSlice)
  METHOD(AddElu)
  METHOD(AddEmbeddingLookup)
  METHOD(AddEqual)
  METHOD(AddEthosU)
  METHOD(AddExp)
  METHOD(AddExpandDims)
  METHOD(AddFill)
  METHOD(AddFloor)
  METHOD(AddFloorDiv)
  METHOD(AddFloorMod)
  METHOD(AddFullyConnected)
  METHOD(AddGather)
  METHOD(AddGatherNd)
  METHOD(AddGreater)
  METHOD(AddGreaterEqual)
  METHOD(AddHardSwish)
  METHOD(AddIf)
  METHOD(AddL2Normalization)
  METHOD(AddL2Pool2D)
  METHOD(AddLeakyRelu)
  METHOD(AddLess)
  METHOD(AddLessEqual)
  METHOD(AddLog)
  METHOD(AddLogSoftmax)
  METHOD(AddLogicalAnd)
  METHOD(AddLogicalNot)
  METHOD(AddLogicalOr)
  METHOD(AddLogistic)
  METHOD(AddMaxPool2D)
  METHOD(AddMaximum)
  METHOD(AddMean)
  METHOD(AddMinimum)
  METHOD(AddMirrorPad)
  METHOD(AddMul)
  METHOD(AddNeg)
  METHOD(AddNotEqual)
  METHOD(AddPack)
  METHOD(AddPad)
  METHOD(AddPadV2)
  METHOD(AddPrelu)
  METHOD(AddQuantize)
  METHOD(AddReadVariable)
  METHOD(AddReduceAll)
  METHOD(AddReduceMax)
  METHOD(AddReduceMin)
  METHOD(AddRelu)
  METHOD(AddRelu6)
  METHOD(AddReshape)
  METHOD(AddResizeBilinear)
  METHOD(AddResizeNearestNeighbor)
  METHOD(AddReverseV2)
  METHOD(AddRound)
  METHOD(AddRsqrt)
  METHOD(AddSelectV2)
  METHOD(AddShape)
  METHOD(AddSin)
  METHOD(AddSlice)
  METHOD(AddSoftmax)
  METHOD(AddSpaceToBatchNd)
  METHOD(AddSpaceToDepth)
  METHOD(AddSplit)
  METHOD(AddSplitV)
  METHOD(AddSqrt)
  METHOD(AddSquare)
  METHOD(AddSquaredDifference)
  METHOD(AddSqueeze)
  METHOD(AddStridedSlice)
  METHOD(AddSub)
  METHOD(AddSum)
  METHOD(AddSvdf)
  METHOD(AddTanh)
  METHOD(AddTranspose)
  METHOD(AddTransposeConv)
  METHOD(AddUnidirectionalSequenceLSTM)
  METHOD(AddUnpack)
  METHOD(AddVarHandle)
  METHOD(AddWhile)
  METHOD(AddZerosLike)
#undef METHOD
};

}  // namespace tflite
