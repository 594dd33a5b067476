/** @file Convolutions and pooling against PyTorch. */
import * as core from "@tapeloop/autograd";
import { compare } from "./references.ts";

compare("windows", {
  conv1d: (x, w) => core.conv1d(x, w),
  "conv1d with stride, padding, dilation": (x, w) =>
    core.conv1d(x, w, { stride: 2, padding: 2, dilation: 2 }),
  "conv1d in groups": (x, w) => core.conv1d(x, w, { groups: 2 }),
  "conv1d, same": (x, w) => core.conv1d(x, w, { padding: "same" }),
  "conv1d, same, with stride": (x, w) => core.conv1d(x, w, { padding: "same", stride: 3 }),
  "conv1d, valid": (x, w) => core.conv1d(x, w, { padding: "valid" }),
  conv2d: (x, w) => core.conv2d(x, w),
  "conv2d with stride, padding, dilation": (x, w) =>
    core.conv2d(x, w, { stride: [2, 1], padding: [1, 2], dilation: [1, 2] }),
  "conv2d, depthwise": (x, w) => core.conv2d(x, w, { groups: 4 }),
  "conv2d, same": (x, w) => core.conv2d(x, w, { padding: "same" }),
  convTranspose1d: (x, w) => core.convTranspose1d(x, w),
  "convTranspose1d with everything": (x, w) =>
    core.convTranspose1d(x, w, {
      stride: 3,
      padding: 2,
      outputPadding: 1,
      groups: 2,
      dilation: 2,
    }),
  "convTranspose1d, cut by more than it reaches": (x, w) =>
    core.convTranspose1d(x, w, { stride: 2, padding: 2 }),
  convTranspose2d: (x, w) => core.convTranspose2d(x, w, { stride: [2, 1], padding: [0, 1] }),
  maxPool1d: (x) => core.maxPool1d(x, 2),
  "maxPool1d with stride, padding, dilation": (x) =>
    core.maxPool1d(x, 3, { stride: 2, padding: 1, dilation: 2 }),
  "maxPool1d at ties": (x) => core.maxPool1d(x, 3, { stride: 1 }),
  "maxPool1d of -Infinity": (x) => core.maxPool1d(x, 2, { stride: 1, padding: 1 }),
  maxPool2d: (x) => core.maxPool2d(x, [2, 3], { stride: [1, 2], padding: [1, 0] }),
  avgPool1d: (x) => core.avgPool1d(x, 3, { stride: 2, padding: 1 }),
  "avgPool1d without padding in the count": (x) =>
    core.avgPool1d(x, 3, { stride: 2, padding: 1, countPadding: false }),
  avgPool2d: (x) => core.avgPool2d(x, 2),
  "avgPool2d without padding in the count": (x) =>
    core.avgPool2d(x, [3, 2], { stride: 2, padding: 1, countPadding: false }),
});
