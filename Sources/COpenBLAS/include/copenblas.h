// OpenBLAS, opened at run time: nothing to link, no load time for those who do not multiply, and the choice of
// its kernels stays ours. Its DYNAMIC_ARCH builds read the wanted core from the environment when they are
// loaded; releases older than the processor fall back to SSE3, which costs a factor of three to five.
#ifndef COPENBLAS_H
#define COPENBLAS_H

#if defined(__cplusplus)
extern "C" {
#endif

/// `cblas_sgemm` of a library with 32-bit integers.
typedef void (*copenblas_sgemm_fn)(
    int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *_Nonnull a, int lda,
    const float *_Nonnull b, int ldb, float beta, float *_Nonnull c, int ldc);

/// The library's `cblas_sgemm`, set to one thread; null where there is no OpenBLAS. The first call opens the
/// library. Any thread may call.
copenblas_sgemm_fn _Nullable copenblas_sgemm(void);

/// The core whose kernels OpenBLAS uses, for instance `SkylakeX`; empty without the library.
const char *_Nonnull copenblas_core(void);

/// Why there is no OpenBLAS; empty where there is one.
const char *_Nonnull copenblas_error(void);

#if defined(__cplusplus)
}
#endif
#endif
