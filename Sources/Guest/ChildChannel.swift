import CLinux
import Glibc
import Linux

/// How the image's process, before its execve(2), and init speak: the child offers descriptors, such as its terminal's (a line
/// `D NUMBER…`), or reports why it cannot run (`F STATUS MESSAGE`). execve(2) closes the pipe, which means success.
final class ChildChannel {
    private var reportReading: Descriptor?
    private var reportWriting: Descriptor?
    private var answerReading: Descriptor?
    private var answerWriting: Descriptor?

    init() throws {
        (reportReading, reportWriting) = try Descriptor.pipe(name: "report")
        (answerReading, answerWriting) = try Descriptor.pipe(name: "answer")
    }

    func becomeChild() { (reportReading, answerWriting) = (nil, nil) }
    func becomeParent() { (reportWriting, answerReading) = (nil, nil) }

    /// In the child: lets init duplicate descriptors, and waits until it has.
    func offer(_ descriptors: [Descriptor]) throws {
        let numbers = descriptors.map { " \($0.raw)" }.joined()
        try reportWriting?.writeAll(Array("D\(numbers)\n".utf8))
        var byte: UInt8 = 0
        guard let answerReading else { return }
        guard try checked("read", on: "init", { read(answerReading.raw, &byte, 1) }) == 1 else {
            throw StartFailure("init did not take its descriptors")
        }
    }

    /// In the child: the end.
    func report(_ failure: StartFailure) {
        // With init gone there is nobody to tell.
        try? reportWriting?.writeAll(Array("F \(failure.status) \(failure.message)".utf8))
        reportWriting = nil
    }

    /// In init: waits for the child's execve(2), and returns copies of what it has offered; or throws the `StartFailure` that it
    /// reports; then it is reaped.
    func follow(_ pid: CInt) throws -> [Descriptor] {
        var taken: [Descriptor] = []
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while let reportReading, try checked("read", on: "report", { read(reportReading.raw, &byte, 1) }) == 1 {
            guard byte == UInt8(ascii: "\n"), text.first == UInt8(ascii: "D") else {
                text.append(byte)
                continue
            }
            taken += try take(String(decoding: text, as: UTF8.self), from: pid)
            text = []
            try answerWriting?.writeAll([1])
        }
        if text.isEmpty { return taken }
        waitpid(pid, nil, 0)
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard fields.count == 3, let status = Int(fields[1]) else {
            throw StartFailure("the process died at its start")
        }
        throw StartFailure(String(fields[2]), status: status)
    }

    private func take(_ line: String, from pid: CInt) throws -> [Descriptor] {
        try line.split(separator: " ").dropFirst().map { number in
            guard let raw = CInt(number) else { throw StartFailure("the process offers no descriptor: \(line)") }
            let copy = try check(linux_pidfd_getfd(pid, raw), "pidfd_getfd", on: "descriptor \(number)")
            return Descriptor(owning: copy, name: "descriptor \(number) of process \(pid)")
        }
    }
}
