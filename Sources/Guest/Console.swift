import Linux

/// The machine's console, where the guest's own problems go: Firecracker's log.
enum Console {
    static func print(_ text: String) {
        // Best effort: there is nowhere else to tell it.
        try? console.writeAll(Array("runcvm: \(text)\n".utf8))
    }

    /// stderr, which is /dev/console.
    nonisolated(unsafe) private static let console = Descriptor(owning: 2, name: "/dev/console")
}
