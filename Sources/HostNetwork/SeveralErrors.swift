/// All that went wrong in a teardown, or a failure and then what went wrong in its undo; the first decides the exit code.
public struct SeveralErrors: Error, CustomStringConvertible {
    /// Two or more.
    public var errors: [any Error]

    public var description: String { errors.map { "\($0)" }.joined(separator: "; ") }
}

/// Runs every step, whatever happens to the others, and reports at the end.
struct ErrorCollector {
    private(set) var errors: [any Error] = []

    mutating func run(_ step: () throws -> Void) {
        do { try step() } catch { add(error) }
    }

    mutating func add(_ error: any Error) {
        errors += (error as? SeveralErrors)?.errors ?? [error]
    }

    /// Throws the only error, or several as one.
    func finish() throws {
        guard let first = errors.first else { return }
        throw errors.count == 1 ? first : SeveralErrors(errors: errors)
    }
}

/// How to undo what has been done so far. Each step is recorded before it is taken, so its undo must bear that it was not.
final class Journal {
    private var undos: [() throws -> Void] = []

    func record(_ undo: @escaping () throws -> Void) { undos.append(undo) }

    /// Runs `body`; where that throws, undoes what it recorded, the last first, and throws its error.
    static func run<T>(_ body: (Journal) throws -> T) throws -> T {
        let journal = Journal()
        do {
            return try body(journal)
        } catch {
            var errors = ErrorCollector()
            errors.add(error)
            for undo in journal.undos.reversed() { errors.run(undo) }
            try errors.finish()
            throw error
        }
    }
}
