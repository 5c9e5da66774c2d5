import CKernels
import HybridizeCore

extension CPUBackend {
  public func divergence(teacher: Tensor, student: Tensor, into out: Tensor) {
    precondition(teacher.hasShape(of: student), "divergence: different shapes")
    precondition(out.rows == teacher.rows && out.columns == 1, "divergence: wrong shape of out")
    pool.run(teacher.rows) { row, _ in
      let first = row * teacher.columns
      out.floats[row] = Float(kernels.divergence(teacher.floats + first, student.floats + first, teacher.columns))
    }
  }

  public func logSumExp(_ x: Tensor, into out: Tensor) {
    precondition(out.rows == x.rows && out.columns == 1, "logSumExp: wrong shape of out")
    pool.run(x.rows) { row, _ in
      out.floats[row] = Float(kernels.log_sum_exp(x.floats + row * x.columns, x.columns))
    }
  }
}
