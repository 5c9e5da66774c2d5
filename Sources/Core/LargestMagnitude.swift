extension [Double] {
  /// The largest absolute value; 0 of none, and not a number if any is not one: `max` would pass over it, and a
  /// comparison of broken numbers would end in "no difference".
  package var largestMagnitude: Double {
    reduce(0) { largest, value in
      let magnitude = abs(value)
      return largest.isNaN || magnitude <= largest ? largest : magnitude
    }
  }
}
