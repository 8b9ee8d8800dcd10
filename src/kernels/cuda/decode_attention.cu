// SPDX-License-Identifier: Apache-2.0
// Attention of one token a row over its cache, which is read once: flash decoding (Dao et al., 2023).
//
// A task is a row, up to kHeads query heads of one key head, and a share of the positions seen. kLanes neighbouring
// threads hold a position, 8 elements of the head each, and go through every position of their share with a running
// maximum; their results are merged in the warp, then in the block, then, where a row was shared out, by the block that
// ends last. The tasks depend on the capacity alone, so that one graph serves all lengths: shares are cut from the
// length found in `position`, and some are empty. What a block reads in two turns it keeps, as handing over to
// another takes longer. Where there are more tasks than multiprocessors, several small blocks work beside each other on
// one, so that the memory need not wait while one of them merges. All blocks fit beside those of the products before
// and after (decode_product.cu).
#include <algorithm>

#include "kernels/cuda/decode.h"
#include "kernels/cuda/decode_device.cuh"

namespace shorten::kernels::cuda {
namespace {

constexpr int kMostHeadSize = 256, kMostShares = 64;

// With more heads a thread has more to remember, and room for fewer positions in flight.
template <int kHeads>
constexpr int kAtOnce = kHeads == 8 ? 2 : 4;
constexpr int kThreadsBeside = 256;  // of all blocks of a multiprocessor

// Blocks that ended, for each item that is shared out. atomicInc takes the last one back to 0. Kernels of one
// device that run at the same time would share them: decoding is on one stream.
constexpr int kCounters = 4096;
__device__ unsigned ended[kCounters];

// How the work is cut; the same for all lengths.
struct Cut {
  int heads, lanes;    // query heads a task, threads a position
  int threads;         // of a block
  int chunks, shares;  // tasks a key head, and shares of each at most
  int least;           // positions of a share at least
  int items, blocks;   // tasks without shares
};

template <int kHeads>
Cut cut(const Attention& a, int multiprocessors) {
  Cut c = {};
  c.heads = kHeads;
  c.lanes = a.head_size <= 64 ? 8 : a.head_size <= 128 ? 16 : 32;
  c.chunks = static_cast<int>((a.heads / a.kv_heads + kHeads - 1) / kHeads);
  c.items = static_cast<int>(a.rows * a.kv_heads) * c.chunks;
  c.threads = kHeads > 1 ? 128 : c.items <= multiprocessors ? 256 : 64;
  c.least = 2 * c.threads * kAtOnce<kHeads> / c.lanes;
  const int most = multiprocessors * (kThreadsBeside / c.threads), useful = static_cast<int>((a.capacity + c.least - 1) / c.least);
  c.shares = c.items > kCounters ? 1 : std::max(1, std::min({most / c.items, useful, kMostShares}));
  c.blocks = std::min(most, c.items * c.shares);
  return c;
}

Cut cut(const Attention& a) {
  int device = 0, multiprocessors = 1;
  if (cudaGetDevice(&device) == cudaSuccess)
    cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  const int64_t group = a.heads / a.kv_heads;
  return group == 1 ? cut<1>(a, multiprocessors) : group <= 4 ? cut<4>(a, multiprocessors) : cut<8>(a, multiprocessors);
}

// exp(score - largest) for scores in units of log 2; nothing seen yet is -inf, and must not become NaN.
__device__ inline float weight_of(float score, float largest) {
  return exp2f(score - (largest == -INFINITY ? 0.0f : largest));
}

// What was seen of some positions: largest score, Σ exp(score - largest), Σ exp(score - largest) · value.
struct Seen {
  float largest = -INFINITY, total = 0, mixed[8] = {};
};

template <typename T, int kHeads, int kLanes, int kThreads>
struct Reader {
  static constexpr int kTurn = sizeof(T) == 4 ? kAtOnce<kHeads> / 2 : kAtOnce<kHeads>;  // positions in flight a thread
  static constexpr int kSide = kThreads / kLanes;                                       // positions side by side
  Seen seen[kHeads];

  // keys and values begin at the first of `count` positions.
  __device__ void read(const float (&q)[kHeads][8], const T* keys, const T* values, int count, int head_size) {
    const int element = threadIdx.x % kLanes * 8;
    const bool idle = element >= head_size;
    for (int turn = 0; turn < count; turn += kTurn * kSide) {
      const int base = turn + threadIdx.x / kLanes;
      Eight<T> k[kTurn], v[kTurn];
#pragma unroll
      for (int i = 0; i < kTurn; ++i) {
        const bool load = base + i * kSide < count && !idle;
        const int64_t at = static_cast<int64_t>(base + i * kSide) * head_size + element;
        k[i] = load_now(keys + at, load);
        v[i] = load_now(values + at, load);
      }
#pragma unroll
      for (int h = 0; h < kHeads; ++h) {
        float score[kTurn], largest = seen[h].largest;
#pragma unroll
        for (int i = 0; i < kTurn; ++i) {
          score[i] = 0;
          for (int e = 0; e < 8; ++e) score[i] += q[h][e] * to_float(k[i].at[e]);
          for (int offset = kLanes / 2; offset > 0; offset /= 2) score[i] += __shfl_xor_sync(~0u, score[i], offset);
          if (base + i * kSide >= count) score[i] = -INFINITY;
          largest = fmaxf(largest, score[i]);
        }
        const float keep = weight_of(seen[h].largest, largest);
        seen[h].largest = largest;
        seen[h].total *= keep;
        for (int e = 0; e < 8; ++e) seen[h].mixed[e] *= keep;
#pragma unroll
        for (int i = 0; i < kTurn; ++i) {
          const float weight = weight_of(score[i], largest);
          seen[h].total += weight;
          for (int e = 0; e < 8; ++e) seen[h].mixed[e] += weight * to_float(v[i].at[e]);
        }
      }
    }
  }

  // Over the positions side by side in a warp; afterwards the first kLanes threads have it all.
  __device__ void merge_warp(Seen& s) const {
    for (int offset = kLanes; offset < 32; offset *= 2) {
      const float other = __shfl_xor_sync(~0u, s.largest, offset), largest = fmaxf(s.largest, other);
      const float mine = weight_of(s.largest, largest), theirs = weight_of(other, largest);
      s.largest = largest;
      s.total = s.total * mine + __shfl_xor_sync(~0u, s.total, offset) * theirs;
      for (int e = 0; e < 8; ++e) s.mixed[e] = s.mixed[e] * mine + __shfl_xor_sync(~0u, s.mixed[e], offset) * theirs;
    }
  }
};

// Element d of the merger of `count` results, each `stride` floats: mixed [head_size], largest, total.
struct Merged {
  float mixed, largest, total;
};
__device__ inline Merged merge(const float* results, int count, int stride, int head_size, int d) {
  Merged m = {0, -INFINITY, 0};
  for (int i = 0; i < count; ++i) m.largest = fmaxf(m.largest, results[i * stride + head_size]);
#pragma unroll 4
  for (int i = 0; i < count; ++i) {
    const float weight = weight_of(results[i * stride + head_size], m.largest);
    m.total += weight * results[i * stride + head_size + 1];
    m.mixed += weight * results[i * stride + d];
  }
  return m;
}

// Into L2, while earlier kernels still run: all but the newest position is there already, and that one's writer finds
// its place in L2. Only what a block begins with, as L2 has to keep it through a product's weights.
template <typename T>
__device__ void fetch_early(const T* from, int elements) {
  constexpr int kLine = 128 / sizeof(T);
  for (int i = threadIdx.x * kLine; i < elements; i += blockDim.x * kLine)
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from + i));
}

struct Work {
  Attention a;
  Cut cut;
};

struct Task {
  int item, share, shares, count;  // count: positions, also less than 1
  int64_t head, cache;             // first query head of all rows; first position of all caches

  __device__ Task(const Work& work, int index) {
    const Attention& a = work.a;
    share = index / work.cut.items;
    item = index % work.cut.items;
    const int chunk = item % work.cut.chunks;
    const int64_t kv_head = item / work.cut.chunks, row = kv_head / a.kv_heads;  // of all rows
    const int64_t last = a.position[row], first = a.window > 0 ? max(last - a.window + 1, int64_t{0}) : 0;
    const int seen = static_cast<int>(last + 1 - first);
    const int positions = max((seen + work.cut.shares - 1) / work.cut.shares, work.cut.least);
    shares = (seen + positions - 1) / positions;
    count = min(positions, seen - share * positions);
    head = kv_head * (a.heads / a.kv_heads) + chunk * work.cut.heads;
    cache = kv_head * a.capacity + first + share * positions;
  }
};

template <typename T, int kHeads, int kLanes, int kThreads>
__device__ void attend(const Work& work, const Task& task) {
  const Attention& a = work.a;
  const int lane = threadIdx.x % kLanes, warp = threadIdx.x / 32, hd = static_cast<int>(a.head_size);
  const int group = static_cast<int>(a.heads / a.kv_heads);
  const int heads = min(kHeads, group - task.item % work.cut.chunks * kHeads);
  const float to_log2 = 1.4426950408889634f * rsqrtf(static_cast<float>(hd));
  float q[kHeads][8];
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    const Eight<T> x =
        load_now(static_cast<const T*>(a.q) + (task.head + h) * hd + lane * 8, h < heads && lane * 8 < hd);
    for (int e = 0; e < 8; ++e) q[h][e] = to_float(x.at[e]) * to_log2;
  }
  Reader<T, kHeads, kLanes, kThreads> reader;
  reader.read(q, static_cast<const T*>(a.keys) + task.cache * hd, static_cast<const T*>(a.values) + task.cache * hd,
              task.count, hd);

  constexpr int kWarps = kThreads / 32;
  __shared__ float of_warp[kWarps][kMostHeadSize + 2];
  const int result = hd + 2;
  float* const partial = a.partial + static_cast<int64_t>(task.item) * work.cut.shares * kHeads * result;
  T* const out = static_cast<T*>(a.out) + task.head * hd;
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    if (h >= heads) break;
    reader.merge_warp(reader.seen[h]);
    __syncthreads();
    if (threadIdx.x % 32 < kLanes && lane * 8 < hd)
      for (int e = 0; e < 8; ++e) of_warp[warp][lane * 8 + e] = reader.seen[h].mixed[e];
    if (threadIdx.x % 32 == 0) {
      of_warp[warp][hd] = reader.seen[h].largest;
      of_warp[warp][hd + 1] = reader.seen[h].total;
    }
    __syncthreads();
    for (int d = threadIdx.x; d < hd; d += kThreads) {
      const Merged m = merge(of_warp[0], kWarps, kMostHeadSize + 2, hd, d);
      if (task.shares == 1) {
        out[h * hd + d] = from_float<T>(m.mixed / m.total);
        continue;
      }
      float* to = partial + (h * work.cut.shares + task.share) * result;
      to[d] = m.mixed;
      if (d == 0) {
        to[hd] = m.largest;
        to[hd + 1] = m.total;
      }
    }
  }
  if (task.shares == 1) return;

  __shared__ bool is_last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    const unsigned others = static_cast<unsigned>(task.shares - 1);
    is_last = atomicInc(&ended[task.item], others) == others;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  for (int i = threadIdx.x; i < heads * hd; i += kThreads) {
    const Merged m = merge(partial + i / hd * work.cut.shares * result, task.shares, result, hd, i % hd);
    out[i] = from_float<T>(m.mixed / m.total);
  }
}

template <typename T, int kHeads, int kLanes, int kThreads>
__global__ void __launch_bounds__(kThreads, (kHeads == 1 ? 1024 : 256) / kThreads) attention_kernel(const Work work) {
  let_later_kernels_start();
  const int tasks = work.cut.items * work.cut.shares, hd = static_cast<int>(work.a.head_size);
  const Task first(work, blockIdx.x);
  fetch_early(static_cast<const T*>(work.a.keys) + first.cache * hd, min(first.count, work.cut.least) * hd);
  fetch_early(static_cast<const T*>(work.a.values) + first.cache * hd, min(first.count, work.cut.least) * hd);
  wait_for_earlier_kernels();
  for (int i = blockIdx.x; i < tasks; i += gridDim.x) {
    const Task task(work, i);
    if (task.count > 0) attend<T, kHeads, kLanes, kThreads>(work, task);
  }
}

template <typename T, int kHeads, int kThreads>
cudaError_t launch(const Work& work, cudaStream_t stream) {
  const auto kernel = work.cut.lanes == 8    ? attention_kernel<T, kHeads, 8, kThreads>
                      : work.cut.lanes == 16 ? attention_kernel<T, kHeads, 16, kThreads>
                                             : attention_kernel<T, kHeads, 32, kThreads>;
  return launch_early(kernel, dim3(work.cut.blocks), kThreads, 0, work, stream);
}

template <typename T>
cudaError_t launch(const Work& work, cudaStream_t stream) {
  if (work.cut.heads == 8) return launch<T, 8, 128>(work, stream);
  if (work.cut.heads == 4) return launch<T, 4, 128>(work, stream);
  return work.cut.threads == 64 ? launch<T, 1, 64>(work, stream) : launch<T, 1, 256>(work, stream);
}

}  // namespace

int64_t attention_scratch(const Attention& a) {
  const Cut c = cut(a);
  return c.shares == 1 ? 0 : static_cast<int64_t>(c.items) * c.heads * c.shares * (a.head_size + 2);
}

cudaError_t cached_attention(DType dtype, const Attention& a, cudaStream_t stream) {
  const Work work = {a, cut(a)};
  switch (dtype) {
    case DType::kF32:
      return launch<float>(work, stream);
    case DType::kBF16:
      return launch<__nv_bfloat16>(work, stream);
    case DType::kF16:
      return launch<__half>(work, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace shorten::kernels::cuda
