import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A day and a time of it, without a time zone.
public struct CalendarDate: Sendable, Equatable {
  public let year: Int
  /// 1 to 12.
  public let month: Int
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int
  public let microsecond: Int

  /// - Precondition: the month is 1 to 12, the day 1 to 31, the others are within an hour, a minute and a second.
  public init(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
  ) {
    precondition((1...9999).contains(year) && (1...12).contains(month) && (1...31).contains(day), "no date")
    precondition((0..<24).contains(hour) && (0..<60).contains(minute) && (0...60).contains(second), "no time")
    precondition((0..<1_000_000).contains(microsecond), "no time")
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
    self.microsecond = microsecond
  }

  /// What the clock of this machine shows.
  public static func now() -> CalendarDate {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    localtime_r(&time.tv_sec, &parts)
    return CalendarDate(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday), hour: Int(parts.tm_hour),
      minute: Int(parts.tm_min), second: Int(parts.tm_sec), microsecond: time.tv_nsec / 1000)
  }

  // MARK: The calendar

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  /// 1 for the first of January.
  private var dayOfYear: Int {
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
    return before[min(max(month, 1), 12) - 1] + day + (month > 2 && Self.isLeap(year) ? 1 : 0)
  }

  /// 0 for Sunday.
  private var dayOfWeek: Int {
    let past = year - 1
    return (365 * past + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
  }

  /// The year and week of ISO 8601: weeks begin on Mondays, and the first one has the first Thursday.
  private var week: (year: Int, number: Int) {
    let fromMonday = (dayOfWeek + 6) % 7
    let number = (dayOfYear - fromMonday + 9) / 7
    if number < 1 {
      return CalendarDate(year: year - 1, month: 12, day: 31).week
    }
    let days = Self.isLeap(year) ? 366 : 365
    if number == 53, days - dayOfYear + fromMonday < 3 { return (year + 1, 1) }
    return (year, number)
  }

  // MARK: strftime

  private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]

  /// Python's `strftime` in the C locale, with the flags of glibc: `%-d`, `%_d`, `%0d`, `%^a`.
  ///
  /// - Throws: `.chatTemplateLimit` for a text of more than so many bytes, `.chatTemplateUnsupported` for what depends on
  ///   a time zone.
  func formatted(_ format: String, limit: Int) throws(HybridizeError) -> String {
    var text = ""
    var scalars = format.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard text.utf8.count < limit else { throw TemplateFault.limit("a text of more than \(limit) bytes") }
      guard scalar == "%" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      let rest = scalars
      var flag: Unicode.Scalar?
      if let next = scalars.first, ["-", "_", "0", "^", "#"].contains(next) {
        flag = next
        scalars.removeFirst()
      }
      guard let letter = scalars.popFirst(), let piece = try field(letter, flag, limit) else {
        // What is no field stands for itself.
        text += "%"
        scalars = rest
        continue
      }
      text += piece
    }
    return text
  }

  private func field(_ letter: Unicode.Scalar, _ flag: Unicode.Scalar?, _ limit: Int) throws(HybridizeError) -> String?
  {
    func number(_ value: Int, _ width: Int, _ padding: String = "0") -> String {
      let digits = String(value)
      let padding = flag == "-" ? "" : flag == "_" ? " " : flag == "0" ? "0" : padding
      return padding.isEmpty ? digits : String(repeating: padding, count: max(0, width - digits.count)) + digits
    }
    func word(_ word: String) -> String { flag == "^" || flag == "#" ? word.uppercased() : word }
    let twelve = (hour + 11) % 12 + 1
    let half = hour < 12 ? "AM" : "PM"
    switch letter {
    case "a": return word(String(Self.days[dayOfWeek].prefix(3)))
    case "A": return word(Self.days[dayOfWeek])
    case "b", "h": return word(String(Self.months[month - 1].prefix(3)))
    case "B": return word(Self.months[month - 1])
    case "d": return number(day, 2)
    case "e": return number(day, 2, " ")
    case "H": return number(hour, 2)
    case "k": return number(hour, 2, " ")
    case "I": return number(twelve, 2)
    case "l": return number(twelve, 2, " ")
    case "j": return number(dayOfYear, 3)
    case "m": return number(month, 2)
    case "M": return number(minute, 2)
    case "S": return number(second, 2)
    case "f":
      let digits = String(microsecond)
      return flag == nil ? String(repeating: "0", count: 6 - digits.count) + digits : nil
    case "p": return flag == "#" ? half.lowercased() : half
    case "P": return half.lowercased()
    case "u": return number(dayOfWeek == 0 ? 7 : dayOfWeek, 1)
    case "w": return number(dayOfWeek, 1)
    case "U": return number((dayOfYear + 6 - dayOfWeek) / 7, 2)
    case "W": return number((dayOfYear + 6 - (dayOfWeek + 6) % 7) / 7, 2)
    case "V": return number(week.number, 2)
    case "G": return number(week.year, 1)
    case "g": return number(week.year % 100, 2)
    case "y": return number(year % 100, 2)
    case "Y": return number(year, 1)
    case "C": return number(year / 100, 2)
    case "n": return "\n"
    case "t": return "\t"
    case "%": return "%"
    // A date without a zone has neither a name nor an offset of one.
    case "z", "Z": return ""
    case "s": throw TemplateFault.unsupported("seconds since 1970, %s")
    case "c": return word(try formatted("%a %b %e %H:%M:%S %Y", limit: limit))
    case "D", "x": return try formatted("%m/%d/%y", limit: limit)
    case "F": return try formatted("%Y-%m-%d", limit: limit)
    case "r": return try formatted("%I:%M:%S %p", limit: limit)
    case "R": return try formatted("%H:%M", limit: limit)
    case "T", "X": return try formatted("%H:%M:%S", limit: limit)
    default: return nil
    }
  }
}
