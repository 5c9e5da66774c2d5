import CKernels
import COpenBLAS

/// Who multiplies large float32 matrices.
public enum MatrixProduct: String, Sendable, CaseIterable {
  /// OpenBLAS where it can be opened, else the own kernel.
  case automatic
  /// The own kernel.
  case own
}

/// A single-threaded `cblas_sgemm` and its name.
package struct MatrixMultiplier: Sendable {
  package let multiply: ck_sgemm_fn
  /// For reports: `OpenBLAS SkylakeX`, `own`.
  package let name: String
  /// Why it is not OpenBLAS, if it was asked for.
  package let shortfall: String?

  package init(_ choice: MatrixProduct, own: UnsafePointer<ck_kernels>) {
    if choice == .automatic, let sgemm = copenblas_sgemm() {
      multiply = sgemm
      name = "OpenBLAS \(String(cString: copenblas_core()))"
      shortfall = nil
    } else {
      multiply = own.pointee.sgemm
      name = "own"
      shortfall = choice == .automatic ? String(cString: copenblas_error()) : nil
    }
  }

  /// `c = scale a b + keep c`, row-major; `a [rows, depth]`, `b [depth, columns]`.
  package func callAsFunction(
    rows: Int, columns: Int, depth: Int, scale: Float = 1, _ a: UnsafePointer<Float>, stride aStride: Int,
    _ b: UnsafePointer<Float>, stride bStride: Int, keep: Float = 0, into c: UnsafeMutablePointer<Float>,
    stride cStride: Int
  ) {
    multiply(
      CInt(ck_row_major), CInt(ck_no_transpose), CInt(ck_no_transpose), CInt(rows),
      CInt(columns), CInt(depth), scale, a, CInt(aStride), b, CInt(bStride), keep, c, CInt(cStride))
  }

  /// `c = a b^T`, row-major; `a [rows, depth]`, `b [columns, depth]`.
  package func transposed(
    rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>,
    stride bStride: Int, into c: UnsafeMutablePointer<Float>, stride cStride: Int
  ) {
    multiply(
      CInt(ck_row_major), CInt(ck_no_transpose), CInt(ck_transpose), CInt(rows),
      CInt(columns), CInt(depth), 1, a, CInt(aStride), b, CInt(bStride), 0, c, CInt(cStride))
  }
}
