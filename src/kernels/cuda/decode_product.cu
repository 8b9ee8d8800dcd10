// SPDX-License-Identifier: Apache-2.0
// Products of 1 to 16 rows of x with a weight matrix, which is what a decoding step reads: every weight once, at
// the speed of the memory.
//
// Each multiprocessor gets one block and an equal, contiguous share of the weight rows (to within one row; a share
// of gate rows and the same of up rows for SwiGLU). The block goes through its share in passes of up to 32 rows, or
// of 64 where x is large, to read x less often; in a pass its warps share out k. A weight goes from memory into its
// own thread's slot of a ring in shared memory (cp.async, 16 bytes a thread: k .. k + 7 of one row), and from there as
// half of two B fragments into mma.m16n8k16, whose A fragments are x: 16 rows cost what one costs. The order of k
// within a fragment is free as long as A and B agree, so no thread needs what another one loaded.
//
// In flight: 8 warps · 3 to 5 stages · 2 KB = 48 to 80 KB a multiprocessor, where 4 TB/s · 0.7 µs / 132 = 21 KB would
// do without any jitter. With 97 KB and at most 80 registers a thread, exactly two blocks fit on a multiprocessor of
// 227 KB, beside those of the small kernels between products: while one product runs, the next one's blocks are there
// and have filled their rings, and a block that ends makes room for one of the product after that. With room for a
// third, some multiprocessors would get two blocks of a product and others none.
//
// rms_norm: scale · (x ∘ norm) · weightᵀ. In bf16 the scale waits for the end, and the squares are summed as x passes.
// fp16 has no room for x ∘ norm of large x, and few digits for that of small x: there x is scaled when it is read, and
// the squares are summed before.
#include "kernels/cuda/decode.h"
#include "kernels/cuda/decode_device.cuh"

namespace shorten::kernels::cuda {
namespace {

constexpr int kWarps = 8, kThreads = 32 * kWarps, kShared = 97 * 1024;
constexpr int kStride = 32 * kWarps;  // k of a step: a warp takes 32, a thread 8
// A stage of the ring is 4 tiles of 8 weight rows: 4 loads of each thread.
constexpr int kTiles = 4, kPairs = kTiles * 4, kTileBytes = 32 * 16, kStageBytes = kTiles * kTileBytes;

// x has up to 8 · kRowTiles rows, a pass kHalves stages a step.
template <int kRowTiles, int kHalves, int kStages>
struct Shape {
  static constexpr int kSteps = kStages / kHalves;  // of x in flight
  static constexpr int kOutputs = (kRowTiles * 8 * kPairs + kThreads - 1) / kThreads;  // of a half, pairs a thread
  static_assert(kStages % kHalves == 0, "a slot of the ring is for one half");
};

template <typename T>
constexpr bool kScaledFirst = std::is_same_v<T, __half>;

__device__ inline uint64_t read_once_policy() {
  uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0;" : "=l"(policy));
  return policy;
}

// 16 bytes to shared memory, past L1; zeros where not valid.
__device__ inline void copy(unsigned to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
}
__device__ inline void copy_once(unsigned to, const void* from, bool valid, uint64_t policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint.L2::256B [%0], [%1], 16, %2, %3;" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0), "l"(policy)
               : "memory");
}
__device__ inline void end_stage() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kStages>
__device__ void wait_for_oldest_stage() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 1) : "memory");
}
__device__ inline uint4 read_shared(unsigned from) {
  uint4 x;
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(from));
  return x;
}

// d += a · b: rows g and g + 8 of a, column g of b, k 2 t, 2 t + 1, 2 t + 8, 2 t + 9 in thread 4 g + t.
using Fragment = unsigned[4];
__device__ inline void multiply(float (&d)[4], const Fragment& a, unsigned b0, unsigned b1, __nv_bfloat16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ inline void multiply(float (&d)[4], const Fragment& a, unsigned b0, unsigned b1, __half) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <typename T>
using Two = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;

template <typename T>
__device__ float sum_squares(uint4 x) {
  const T* at = reinterpret_cast<const T*>(&x);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) sum += to_float(at[i]) * to_float(at[i]);
  return sum;
}

// With `scale` where T is scaled first.
template <typename T>
__device__ uint4 times_norm(uint4 x, uint4 norm, float scale) {
  if constexpr (kScaledFirst<T>) {
    T* a = reinterpret_cast<T*>(&x);
    const T* b = reinterpret_cast<const T*>(&norm);
#pragma unroll
    for (int i = 0; i < 8; ++i) a[i] = from_float<T>(to_float(a[i]) * scale * to_float(b[i]));
  } else {
    Two<T>* a = reinterpret_cast<Two<T>*>(&x);
    const Two<T>* b = reinterpret_cast<const Two<T>*>(&norm);
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] = __hmul2(a[i], b[i]);
  }
  return x;
}

// A warp a row: 1 / sqrt(mean(x²) + eps).
template <typename T>
__device__ void scale_rows(const Product& p, float* scales) {
  for (int row = threadIdx.x / 32; row < p.rows; row += kWarps) {
    const uint4* x = reinterpret_cast<const uint4*>(static_cast<const T*>(p.x) + row * static_cast<int64_t>(p.k));
    float sum = 0;
#pragma unroll 8
    for (int i = threadIdx.x % 32; i < p.k / 8; i += 32) sum += sum_squares<T>(x[i]);
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
    if (threadIdx.x % 32 == 0) scales[row] = rsqrtf(sum / static_cast<float>(p.k) + p.eps);
  }
  __syncthreads();
}

// A thread's place. With SwiGLU the 8 weight rows of a tile are 4 gate rows and their up rows in turn, and rows of
// out, which are what is shared out, are half as many.
template <int kPassRows>
struct Place {
  int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4, warp = threadIdx.x / 32;
  int first_k = warp * 32 + quarter * 8, steps, own_steps;  // of those the ones with k inside
  int tile, row;                                            // rows of out a tile, the thread's one in it
  int start, end, pass_rows;                                // rows of out

  __device__ explicit Place(const Product& p) {
    steps = (p.k + kStride - 1) / kStride;
    own_steps = (p.k - first_k + kStride - 1) / kStride;
    tile = p.swiglu ? 4 : 8;
    row = p.swiglu ? group / 2 : group;
    start = static_cast<int>(static_cast<int64_t>(p.n) * blockIdx.x / gridDim.x);
    end = static_cast<int>(static_cast<int64_t>(p.n) * (blockIdx.x + 1) / gridDim.x);
    const int most = p.swiglu ? kPassRows / 2 : kPassRows, passes = (end - start + most - 1) / most;
    pass_rows = (end - start + passes - 1) / passes;  // passes of equal height keep the ring equally full
  }
};

// Goes through a thread's weights, x and norm in the order of passes and steps. Each block begins at another step and
// goes round, so that they are not all at the same k of rows that lie 2ⁿ bytes apart: 1 % faster.
template <typename T>
struct Cursor {
  const T* pass;  // weights of the pass
  int step, done = 0, left;  // left: rows of out from the thread's first one in the pass to the end of it
  uint64_t policy = read_once_policy();

  template <typename Place>
  __device__ Cursor(const Product& p, const Place& place) {
    const int64_t first = static_cast<int64_t>(place.start) + place.row + (p.swiglu && place.group % 2 ? p.n : 0);
    pass = static_cast<const T*>(p.weight) + first * p.k + place.first_k;
    step = static_cast<int>(static_cast<int64_t>(place.steps) * blockIdx.x / gridDim.x);
    left = min(place.pass_rows, place.end - place.start) - place.row;
  }

  template <typename Place>
  __device__ void load_weights(unsigned to, int half, const Product& p, const Place& place) const {
    const T* from = pass + step * kStride;
#pragma unroll
    for (int i = 0; i < kTiles; ++i) {
      const int tile = half * kTiles + i;
      const bool valid = tile * place.tile < left && step < place.own_steps;
      const T* row = from + static_cast<int64_t>(tile * place.tile) * p.k;
      copy_once(to + i * kTileBytes, valid ? row : p.weight, valid, policy);
    }
  }

  // Rows of 64 bytes: of x, then of the norm's weight, which all 8 groups of the warp share.
  template <typename Place>
  __device__ void load_x(unsigned to, int row_tiles, const Product& p, const Place& place) const {
    const bool valid = step < place.own_steps;
    const int64_t k = valid ? place.first_k + step * kStride : 0;
#pragma unroll 2
    for (int row = place.group; row < row_tiles * 8; row += 8) {
      if (row < p.rows)
        copy(to + row * 64, static_cast<const T*>(p.x) + row * static_cast<int64_t>(p.k) + k, valid);
    }
    if (p.norm != nullptr && place.group == 0) copy(to + p.rows * 64, static_cast<const T*>(p.norm) + k, valid);
  }

  // `ahead` is the first row of the pass that comes next.
  template <typename Place>
  __device__ void advance(const Product& p, const Place& place, int& ahead) {
    step = step + 1 == place.steps ? 0 : step + 1;
    if (++done < place.steps) return;
    done = 0;
    pass += static_cast<int64_t>(place.pass_rows) * p.k;
    left = min(place.pass_rows, place.end - ahead) - place.row;
    ahead += place.pass_rows;
  }
};

// A pair of neighbouring columns of the sums: two rows of out, or a gate and its up.
template <typename T>
struct Output {
  const Product& p;
  int row, n, end;

  __device__ bool valid() const { return row < p.rows && n < end; }
  __device__ bool second() const { return p.swiglu || n + 1 < end; }

  __device__ float2 addend() const {
    float2 sum = {0, 0};
    if (!valid()) return sum;
    const int other = p.swiglu ? n + p.n : n + 1;
    if (const T* bias = static_cast<const T*>(p.bias)) {
      sum.x += to_float(bias[n]);
      if (second()) sum.y += to_float(bias[other]);
    }
    if (p.residual != nullptr) {
      const T* residual = static_cast<const T*>(p.residual) + static_cast<int64_t>(row) * p.n;
      sum.x += to_float(residual[n]);
      if (second()) sum.y += to_float(residual[other]);
    }
    return sum;
  }

  __device__ void store(float2 y) const {
    T* out = static_cast<T*>(p.out) + static_cast<int64_t>(row) * p.n + n;
    if (p.swiglu) {
      out[0] = from_float<T>(y.x / (1.0f + __expf(-y.x)) * y.y);
    } else {
      out[0] = from_float<T>(y.x);
      if (second()) out[1] = from_float<T>(y.y);
    }
  }
};

template <typename T, int kRowTiles, int kHalves, int kStages>
__global__ void __launch_bounds__(kThreads, 3) product_kernel(const Product p) {
  using S = Shape<kRowTiles, kHalves, kStages>;
  let_later_kernels_start();
  extern __shared__ uint4 shared[];  // rings of weights, rings of x, partial sums
  __shared__ float row_squares[kWarps][16];
  const Place<kHalves * kTiles * 8> place(p);
  const unsigned base = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const unsigned ring = base + place.warp * kStages * kStageBytes + threadIdx.x % 32 * 16;
  const unsigned x_bytes = (p.rows + 1) * 64, group_bytes = place.group * 64;
  const unsigned x_ring = base + kWarps * kStages * kStageBytes + place.warp * S::kSteps * x_bytes + place.quarter * 16;
  float2* const partial = reinterpret_cast<float2*>(reinterpret_cast<char*>(shared) +
                                                    kWarps * (kStages * kStageBytes + S::kSteps * x_bytes));

  Cursor<T> ahead(p, place);
  int ahead_n = place.start + place.pass_rows;
  {
    Cursor<T> first = ahead;
    int first_n = ahead_n;
    for (int i = 0; i < S::kSteps; ++i, first.advance(p, place, first_n)) {
#pragma unroll
      for (int half = 0; half < kHalves; ++half)
        first.load_weights(ring + (i * kHalves + half) * kStageBytes, half, p, place);
    }
  }
  wait_for_earlier_kernels();
  for (int i = 0; i < S::kSteps; ++i, ahead.advance(p, place, ahead_n)) {
    ahead.load_x(x_ring + i * x_bytes, kRowTiles, p, place);
    for (int half = 0; half < kHalves; ++half) end_stage();
  }

  float squares[kRowTiles] = {}, scales[kRowTiles] = {};
  if constexpr (kScaledFirst<T>) {
    if (p.norm != nullptr) {
      scale_rows<T>(p, row_squares[0]);
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) scales[i] = row_squares[0][place.group + 8 * i];
    }
  }
  // A thread's own address: nvcc 13.0 makes an illegal instruction of one that the warp shares.
  unsigned slot = ring, x_slot = x_ring;
  for (int n = place.start; n < place.end; n += place.pass_rows) {
    const auto output = [&](int half, int i) {
      const int index = threadIdx.x + i * kThreads, pair = index % kPairs + half * kPairs;
      return Output<T>{p, index / kPairs, n + (p.swiglu ? pair : 2 * pair), min(n + place.pass_rows, place.end)};
    };
    float2 y[kHalves][S::kOutputs];
#pragma unroll
    for (int i = 0; i < kHalves * S::kOutputs; ++i)  // now, so that the end does not wait for it
      y[i / S::kOutputs][i % S::kOutputs] = output(i / S::kOutputs, i % S::kOutputs).addend();

    float sums[kHalves][kTiles][4] = {};
    for (int step = 0; step < place.steps; ++step) {
      Fragment low, high;
#pragma unroll
      for (int half = 0; half < kHalves; ++half) {
        wait_for_oldest_stage<kStages>();
        if (half == 0) {
          __syncwarp();
          uint4 x[2] = {};
#pragma unroll
          for (int i = 0; i < kRowTiles; ++i) {
            if (place.group + 8 * i < p.rows) x[i] = read_shared(x_slot + group_bytes + i * 512);
            if (p.norm == nullptr) continue;
            if (!kScaledFirst<T> && n == place.start) squares[i] += sum_squares<T>(x[i]);
            x[i] = times_norm<T>(x[i], read_shared(x_slot + p.rows * 64), scales[i]);
          }
          low[0] = x[0].x, low[1] = x[1].x, low[2] = x[0].y, low[3] = x[1].y;
          high[0] = x[0].z, high[1] = x[1].z, high[2] = x[0].w, high[3] = x[1].w;
        }
#pragma unroll
        for (int i = 0; i < kTiles; ++i) {
          const uint4 w = read_shared(slot + i * kTileBytes);
          multiply(sums[half][i], low, w.x, w.y, T());
          multiply(sums[half][i], high, w.z, w.w, T());
        }
        ahead.load_weights(slot, half, p, place);
        if (half == 0) {  // with the weights that it is waited for with
          __syncwarp();
          ahead.load_x(x_slot, kRowTiles, p, place);
        }
        end_stage();
        slot = slot == ring + (kStages - 1) * kStageBytes ? ring : slot + kStageBytes;
      }
      ahead.advance(p, place, ahead_n);
      x_slot = x_slot == x_ring + (S::kSteps - 1) * x_bytes ? x_ring : x_slot + x_bytes;
    }

    if (!kScaledFirst<T> && n == place.start && p.norm != nullptr) {
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
        squares[i] += __shfl_xor_sync(~0u, squares[i], 1);
        squares[i] += __shfl_xor_sync(~0u, squares[i], 2);
        if (place.quarter == 0) row_squares[place.warp][place.group + 8 * i] = squares[i];
      }
    }
#pragma unroll
    for (int half = 0; half < kHalves; ++half) {
      __syncthreads();  // the last half's partial sums have been read
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
        const int row = place.group + 8 * i;
        if (row >= p.rows) continue;
#pragma unroll
        for (int j = 0; j < kTiles; ++j) {
          partial[(place.warp * p.rows + row) * kPairs + j * 4 + place.quarter] =
              make_float2(sums[half][j][2 * i], sums[half][j][2 * i + 1]);
        }
      }
      __syncthreads();
#pragma unroll
      for (int i = 0; i < S::kOutputs; ++i) {
        const Output<T> out = output(half, i);
        if (!out.valid()) continue;
        float scale = 1;
        if (!kScaledFirst<T> && p.norm != nullptr) {
          float sum = 0;
          for (int w = 0; w < kWarps; ++w) sum += row_squares[w][out.row];
          scale = rsqrtf(sum / static_cast<float>(p.k) + p.eps);
        }
        float2 sum = {0, 0};
        for (int w = 0; w < kWarps; ++w) {
          const float2 part = partial[w * p.rows * kPairs + threadIdx.x + i * kThreads];
          sum.x += part.x;
          sum.y += part.y;
        }
        out.store(make_float2(y[half][i].x + scale * sum.x, y[half][i].y + scale * sum.y));
      }
    }
  }
}

// All take 97 KB or less: rings of kStages · 16 KB, of x 0.5 KB a row and step, and 1 KB a row of partial sums.
template <typename T>
cudaError_t launch(const Product& p, cudaStream_t stream) {
  int device = 0, multiprocessors = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  if (error != cudaSuccess) return error;
  const int blocks = p.n < multiprocessors ? p.n : multiprocessors;
  const int share = (p.n + blocks - 1) / blocks * (p.swiglu ? 2 : 1);
  const auto kernel = p.rows <= 2   ? product_kernel<T, 1, 1, 5>
                      : p.rows <= 8 ? product_kernel<T, 1, 1, 4>
                      : share <= 32 ? product_kernel<T, 2, 1, 3>
                                    : product_kernel<T, 2, 2, 4>;
  return launch_early(kernel, dim3(blocks), kThreads, kShared, p, stream);
}

}  // namespace

cudaError_t product(DType dtype, const Product& p, cudaStream_t stream) {
  switch (dtype) {
    case DType::kBF16:
      return launch<__nv_bfloat16>(p, stream);
    case DType::kF16:
      return launch<__half>(p, stream);
    case DType::kF32:
      break;
  }
  return cudaErrorInvalidValue;
}

}  // namespace shorten::kernels::cuda
