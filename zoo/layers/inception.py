"""Layers of Inception v3 and Inception-ResNet v2: the convolution with its batch norm, and the stem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class InceptionLayers:
    """The layers of one network, all with one width and one padding.

    Attributes:
        width: factor of the channels.
        padding: of the layers that shrink the image in the papers (those marked V). "valid" is theirs; "same" makes
            photos of 32 pixels possible.
    """

    width: float = 1.0
    padding: Padding = "valid"

    def convolve(
        self, x: Any, channels: int, size: int | tuple[int, int], name: str, *, stride: int = 1, shrink: bool = False
    ) -> Any:
        """Return a convolution with batch norm and ReLU; one with `shrink`, or a stride, has the network's padding."""
        from keras import layers

        mode = self.padding if shrink or stride > 1 else "same"
        x = layers.Conv2D(self.kept(channels), size, stride, mode, use_bias=False, name=name)(x)
        # Without gamma: a ReLU follows, and the next convolution can scale as well.
        x = layers.BatchNormalization(scale=False, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def kept(self, channels: int) -> int:
        """Return the number of channels at this width."""
        return max(4, int(channels * self.width))

    def halve(self, x: Any, name: str) -> Any:
        """Return the 3x3 max pooling with stride 2 that runs parallel to convolutions of stride 2."""
        from keras import layers

        return layers.MaxPooling2D(3, 2, self.padding, name=name)(x)

    def smooth(self, x: Any, name: str) -> Any:
        """Return the 3x3 average pooling of the modules' pooling branches; the border is not counted."""
        from keras import layers

        return layers.AveragePooling2D(3, 1, "same", name=name)(x)

    def stem(self, x: Any, stride: int) -> Any:
        """Return the image (299 x 299) as 35 x 35 x 192: Szegedy et al. 2015, table 1, above its modules.

        The 7x7 convolution of GoogLeNet has become three of 3x3. After them the table has 3x3 to 80 channels, 3x3 with
        stride 2 to 192 and 3x3 to 288; the layers after the first pooling are those of Google's own code and weights.
        """
        x = self.convolve(x, 32, 3, "conv1", stride=stride, shrink=True)  # 149 x 149 x 32
        x = self.convolve(x, 32, 3, "conv2", shrink=True)  # 147 x 147 x 32
        x = self.convolve(x, 64, 3, "conv3")  # 147 x 147 x 64
        x = self.halve(x, "pool1")  # 73 x 73 x 64
        x = self.convolve(x, 80, 1, "conv4")  # 73 x 73 x 80
        x = self.convolve(x, 192, 3, "conv5", shrink=True)  # 71 x 71 x 192
        return self.halve(x, "pool2")
