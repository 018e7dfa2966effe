import Glibc

/// All that went wrong in a teardown, or a failure and then what went wrong in its undo; the first decides the exit code.
public struct SeveralErrors: Error, CustomStringConvertible {
    /// Two or more.
    public var errors: [any Error]

    public var description: String { errors.map { "\($0)" }.joined(separator: "; ") }
}

/// Runs every step, whatever happens to the others, and reports at the end.
public struct ErrorCollector {
    public private(set) var errors: [any Error] = []

    public init() {}

    public mutating func run(_ step: () throws -> Void) {
        do { try step() } catch { add(error) }
    }

    public mutating func add(_ error: any Error) {
        errors += (error as? SeveralErrors)?.errors ?? [error]
    }

    /// Throws the only error, or several as one.
    public func finish() throws {
        guard let first = errors.first else { return }
        throw errors.count == 1 ? first : SeveralErrors(errors: errors)
    }
}

/// How to undo what has been done so far. Each step is recorded before it is taken, so its undo must bear that it was not.
///
/// For one thread.
public final class Journal: @unchecked Sendable {
    /// The one whose body is being run.
    @TaskLocal public static var current: Journal?

    private var undos: [() throws -> Void] = []

    public func record(_ undo: @escaping () throws -> Void) { undos.append(undo) }

    /// Runs `body`; where that throws, undoes what it recorded, the last first, and throws its error. Where it does not, and
    /// runs within another's body, that one has the undos: what comes later there may fail.
    public static func run<T>(_ body: (Journal) throws -> T) throws -> T {
        let journal = Journal()
        do {
            let result = try $current.withValue(journal) { try body(journal) }
            current?.undos += journal.undos
            return result
        } catch {
            var errors = ErrorCollector()
            errors.add(error)
            for undo in journal.undos.reversed() { errors.run(undo) }
            try errors.finish()
            throw error
        }
    }

    /// Records a file as it is now, or that there is none: its text and owner come back into what is then there.
    public func recordFile(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return record { if Files.isThere(path) { try checked("unlink", on: path) { Int(unlink(path)) } } }
        }
        // What is none is not ours to write.
        guard status.st_mode & S_IFMT == S_IFREG else { return }
        let text = try Files.read(path)
        let (user, group) = (status.st_uid, status.st_gid)
        record {
            try Files.overwrite(path, with: text)
            try checked("chown", on: path) { Int(chown(path, user, group)) }
        }
    }

    /// mkdir -p; of what it makes the last goes again, unless something else is in it by then.
    public func ensureDirectory(_ path: String, mode: mode_t) throws {
        let isNew = !Files.exists(path)
        try Files.ensureDirectory(path, mode: mode)
        guard isNew else { return }
        record {
            if rmdir(path) != 0, ![ENOENT, ENOTEMPTY].contains(errno) {
                throw SystemError("rmdir", on: path, .current)
            }
        }
    }
}
