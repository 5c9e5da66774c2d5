import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

@Suite("learning rate schedules")
struct LearningRateScheduleTests {
  struct Corner: CustomTestStringConvertible {
    let testDescription: String
    let schedule: LearningRateSchedule
    let shares: [Double]
  }

  static let corners = [
    Corner(testDescription: "constant", schedule: .init(.constant), shares: [1, 1, 1]),
    Corner(
      testDescription: "constant after a warm-up", schedule: .init(.constant, warmUpSteps: 2),
      shares: [0.5, 1, 1, 1]),
    Corner(
      testDescription: "a cosine to zero", schedule: .init(.cosine(finalShare: 0)),
      shares: [1, 0.8535533905932737, 0.5, 0.1464466094067262]),
    Corner(
      testDescription: "a cosine to a tenth", schedule: .init(.cosine(finalShare: 0.1)),
      shares: [1, 0.8681980515339463, 0.55, 0.2318019484660536]),
    Corner(
      testDescription: "a cosine after a warm-up", schedule: .init(.cosine(finalShare: 0), warmUpSteps: 4),
      shares: [0.25, 0.5, 0.75, 1, 1, 0.75, 0.25]),
    Corner(
      testDescription: "a line to a fifth", schedule: .init(.linear(finalShare: 0.2)), shares: [1, 0.8, 0.6, 0.4]),
    Corner(
      testDescription: "a line to zero that is to end at a half",
      schedule: .init(LearningRateSchedule.Shape.linear(finalShare: 0).ending(at: 0.5)), shares: [1, 0.75]),
    Corner(
      testDescription: "a cosine to zero that is to end at a tenth",
      schedule: .init(LearningRateSchedule.Shape.cosine(finalShare: 0).ending(at: 0.1)),
      shares: [1, 0.8681980515339463, 0.55, 0.2318019484660536]),
    Corner(
      testDescription: "stable, then down to zero",
      schedule: .init(.stableThenDecay(decayShare: 0.3, finalShare: 0)),
      shares: [1, 1, 1, 1, 1, 1, 1, 1, 2.0 / 3, 1.0 / 3]),
    Corner(
      testDescription: "warm-up, stable, then down to a tenth",
      schedule: .init(.stableThenDecay(decayShare: 0.5, finalShare: 0.1), warmUpSteps: 1),
      shares: [1, 1, 1, 1, 0.55]),
    Corner(
      testDescription: "stable without a decay", schedule: .init(.stableThenDecay(decayShare: 0, finalShare: 0)),
      shares: [1, 1]),
    Corner(
      testDescription: "a warm-up longer than the training",
      schedule: .init(.cosine(finalShare: 0), warmUpSteps: 8), shares: [0.125, 0.25, 0.375]),
    Corner(
      testDescription: "a single step", schedule: .init(.stableThenDecay(decayShare: 1, finalShare: 0)), shares: [1]),
  ]

  @Test("have the shares of their formulas", arguments: corners)
  func shares(_ corner: Corner) {
    let steps = corner.shares.count
    expectClose(
      (0..<steps).map { corner.schedule.share(step: $0, of: steps) }, corner.shares, absolute: 1e-12)
  }

  @Test("rise in the warm-up, never after it, and stay between the final and the whole rate", arguments: 0..<30)
  func shape(_ seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed), stream: "schedule")
    let steps = 1 + generator.index(below: 60)
    let warmUp = generator.index(below: 20)
    let final = generator.unit()
    for shape in [
      .constant, .cosine(finalShare: final),
      .stableThenDecay(decayShare: generator.unit(), finalShare: final),
    ] as [LearningRateSchedule.Shape] {
      let schedule = LearningRateSchedule(shape, warmUpSteps: warmUp)
      let shares = (0..<steps).map { schedule.share(step: $0, of: steps) }
      let (rising, falling) = (shares.prefix(warmUp), shares.dropFirst(warmUp))
      #expect(zip(rising, rising.dropFirst()).allSatisfy { $0 < $1 }, "\(schedule) of \(steps)")
      #expect(zip(falling, falling.dropFirst()).allSatisfy { $0 >= $1 }, "\(schedule) of \(steps)")
      #expect(falling.first ?? 1 == 1 && falling.allSatisfy { ($0 >= final || shape == .constant) && $0 <= 1 })
    }
  }
}
