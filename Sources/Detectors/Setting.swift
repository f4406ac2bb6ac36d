/// What a setting can hold: it has a text form, as recipes write it.
public protocol SettingValue: Equatable {
    /// What is expected, for messages and lists: "a whole number".
    static var kind: String { get }
    init?(setting text: String)
    var settingText: String { get }
}

extension Int: SettingValue {
    public static var kind: String { "a whole number" }
    public init?(setting text: String) { self.init(text) }
    public var settingText: String { String(self) }
}

extension Double: SettingValue {
    public static var kind: String { "a number" }
    public init?(setting text: String) {
        guard let value = Double(text), value.isFinite else { return nil }
        self = value
    }
    public var settingText: String { String(self) }
}

extension Bool: SettingValue {
    public static var kind: String { "true or false" }
    public init?(setting text: String) { self.init(text) }
    public var settingText: String { String(self) }
}

extension String: SettingValue {
    public static var kind: String { "a text" }
    public init?(setting text: String) { self = text }
    public var settingText: String { self }
}

/// Nothing is written as "none".
extension Optional: SettingValue where Wrapped: SettingValue {
    public static var kind: String { "\(Wrapped.kind), or none" }
    public init?(setting text: String) {
        if text == "none" {
            self = .none
        } else {
            guard let value = Wrapped(setting: text) else { return nil }
            self = value
        }
    }
    public var settingText: String { self?.settingText ?? "none" }
}

/// A choice among named ways.
public protocol SettingChoice: SettingValue, RawRepresentable<String>, CaseIterable {}

extension SettingChoice {
    public static var kind: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
    public init?(setting text: String) { self.init(rawValue: text) }
    public var settingText: String { rawValue }
}

/// A setting of a detector: its default, what it means, its range, and where the default comes from.
///
/// It is kept by reference, so that a recipe can set it by name; every `Settings()` has settings of its own.
@propertyWrapper public final class Setting<Value: SettingValue>: AnySetting {
    public var wrappedValue: Value
    public let meaning: String, source: String
    public let expected: String
    private let accepts: (Value) -> Bool

    /// - Parameters: meaning: with the unit, if it has one; source: paper or program that the default is from.
    public init(wrappedValue: Value, _ meaning: String, source: String) {
        (self.wrappedValue, self.meaning, self.source, accepts, expected) = (wrappedValue, meaning, source, { _ in true }, Value.kind)
    }

    /// - Parameter range: what it may be.
    public init(wrappedValue: Value, _ meaning: String, in range: ClosedRange<Value>, source: String) where Value: Comparable {
        (self.wrappedValue, self.meaning, self.source) = (wrappedValue, meaning, source)
        (accepts, expected) = (range.contains, "\(Value.kind) from \(range.lowerBound.settingText) to \(range.upperBound.settingText)")
    }

    /// - Parameter range: what it may be, if it is anything.
    public init<Wrapped: SettingValue & Comparable>(wrappedValue: Value, _ meaning: String, in range: ClosedRange<Wrapped>, source: String)
    where Value == Wrapped? {
        (self.wrappedValue, self.meaning, self.source) = (wrappedValue, meaning, source)
        accepts = { $0.map(range.contains) ?? true }
        expected = "\(Wrapped.kind) from \(range.lowerBound.settingText) to \(range.upperBound.settingText), or none"
    }

    public var text: String { wrappedValue.settingText }

    public func set(_ text: String) -> Bool {
        guard let value = Value(setting: text), accepts(value) else { return false }
        wrappedValue = value
        return true
    }
}

/// A setting whose type is not known.
public protocol AnySetting: AnyObject {
    var meaning: String { get }
    var source: String { get }
    /// The value as recipes write it.
    var text: String { get }
    /// What it may be: "a whole number from 1 to 4096".
    var expected: String { get }
    /// Takes a value from its text; false where it is not what is expected.
    func set(_ text: String) -> Bool
}

/// A detector's settings: a struct whose properties are `@Setting`s.
public protocol DetectorSettings {
    init()
}

extension DetectorSettings {
    /// All settings by name, in the order of their declaration.
    public var all: [(name: String, setting: any AnySetting)] {
        Mirror(reflecting: self).children.compactMap { label, value in (value as? any AnySetting).map { (String(label!.dropFirst()), $0) } }
    }
}
