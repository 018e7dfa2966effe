import ArgumentParser

/// The worked examples of a verb's --help: the lines of its discussion that are set in by two.
enum Examples {
    /// Each a whole command: lines that end in a pipe or a backslash go on in the next.
    static func all(of verb: String) -> [String] {
        let command = Runcvm.configuration.subcommands.first { $0.configuration.commandName == verb }
        var found: [String] = []
        var open = false
        for line in (command?.configuration.discussion ?? "").split(separator: "\n") where line.hasPrefix("  ") {
            let text = String(line.drop { $0 == " " })
            if open, let last = found.popLast() {
                found.append((last.hasSuffix("\\") ? String(last.dropLast()) : last + " ") + text)
            } else {
                found.append(text)
            }
            open = text.hasSuffix("|") || text.hasSuffix("\\")
        }
        return found
    }

    /// The first one that gives the verb something to read.
    static func pipe(into verb: String) -> String? {
        all(of: verb).first { $0.contains("| runcvm \(verb)") || $0.contains("runcvm \(verb) <") }
    }
}
