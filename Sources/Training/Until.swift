import Detectors
import Foundation

/// When a job is to have saved and ended, as `run.until` says it.
public struct Until: SettingValue {
    public static let kind = "minutes from the start (90), a time of day (21:30) or a date with its zone (2026-11-22T21:30:00Z)"

    private enum Form: Equatable {
        case minutes(Double)
        case timeOfDay(hour: Int, minute: Int)
        case date(Date)
    }
    private let form: Form
    public let settingText: String

    public init?(setting text: String) {
        guard let form = Self.minutes(text) ?? Self.timeOfDay(text) ?? ISO8601DateFormatter().date(from: text).map(Form.date) else { return nil }
        (self.form, settingText) = (form, text)
    }

    /// "90", "90m" or "0.5".
    private static func minutes(_ text: String) -> Form? {
        guard let number = Double(text.last == "m" ? String(text.dropLast()) : text), number > 0, number <= 1e6 else { return nil }
        return .minutes(number)
    }

    private static func timeOfDay(_ text: String) -> Form? {
        guard let match = text.wholeMatch(of: /(\d\d?):(\d\d)/), let hour = Int(match.1), let minute = Int(match.2), hour < 24, minute < 60
        else { return nil }
        return .timeOfDay(hour: hour, minute: minute)
    }

    /// Seconds left for a job that starts now; of a time of day, until the clock (of this machine's zone) shows it next.
    func seconds(from now: Date, in calendar: Calendar = .current) -> Double {
        switch form {
        case .minutes(let number): return number * 60
        case .date(let date): return date.timeIntervalSince(now)
        case .timeOfDay(let hour, let minute):
            let next = calendar.nextDate(after: now, matching: DateComponents(hour: hour, minute: minute, second: 0), matchingPolicy: .nextTime)
            return next!.timeIntervalSince(now)
        }
    }
}
