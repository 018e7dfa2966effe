import CLinux
import Glibc
import Linux

/// How the image's process, before its execve(2), and init speak: the child offers its terminal (a line `T CONTROLLER
/// TERMINAL`), or reports why it cannot run (`F STATUS MESSAGE`). execve(2) closes the pipe, which means success.
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

    /// In the child: lets init duplicate the terminal's descriptors, and waits until it has.
    func offer(_ terminal: Terminal) throws {
        try reportWriting?.writeAll(Array("T \(terminal.controller.raw) \(terminal.terminal.raw)\n".utf8))
        var byte: UInt8 = 0
        guard let answerReading else { return }
        guard try checked("read", on: "init", { read(answerReading.raw, &byte, 1) }) == 1 else {
            throw StartFailure("init did not take the terminal")
        }
    }

    /// In the child: the end.
    func fail(_ failure: StartFailure) -> Never {
        // With init gone there is nobody to tell.
        try? reportWriting?.writeAll(Array("F \(failure.status) \(failure.message)".utf8))
        _exit(CInt(failure.status))
    }

    /// In init: waits for the child's execve(2), or throws the `StartFailure` that it reports; then it is reaped.
    func follow(_ pid: CInt) throws -> Terminal? {
        var terminal: Terminal?
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while let reportReading, try checked("read", on: "report", { read(reportReading.raw, &byte, 1) }) == 1 {
            guard byte == UInt8(ascii: "\n"), text.first == UInt8(ascii: "T") else {
                text.append(byte)
                continue
            }
            terminal = try take(String(decoding: text, as: UTF8.self), from: pid)
            text = []
            try answerWriting?.writeAll([1])
        }
        if text.isEmpty { return terminal }
        waitpid(pid, nil, 0)
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard fields.count == 3, let status = Int(fields[1]) else {
            throw StartFailure("the process died at its start")
        }
        throw StartFailure(String(fields[2]), status: status)
    }

    private func take(_ line: String, from pid: CInt) throws -> Terminal {
        let numbers = line.split(separator: " ").dropFirst().compactMap { CInt($0) }
        guard numbers.count == 2 else { throw StartFailure("the process offers no terminal: \(line)") }
        let copies = try numbers.map { try check(linux_pidfd_getfd(pid, $0), "pidfd_getfd", on: "terminal") }
        return Terminal(
            controller: Descriptor(owning: copies[0], name: "terminal's controller"),
            terminal: Descriptor(owning: copies[1], name: "terminal"))
    }
}
