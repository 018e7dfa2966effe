import OCI

/// A manual page (man(7)) of what ArgumentParser knows of a command.
struct ManualPage {
    private let command: JSONValue
    private let verb: String?
    private let version: String
    private let verbs: [JSONValue]

    /// `help`: the whole tool's, as `--experimental-dump-help` prints it.
    init(_ help: JSONValue, verb: String?, version: String) throws {
        let all = help["command"]?["subcommands"]?.array ?? []
        let found = verb.map { name in all.first { $0["commandName"]?.string == name } } ?? help["command"]
        guard let found else { throw Failure(.bug, "no help for '\(verb ?? "")'") }
        command = found
        self.verb = verb
        self.version = version
        verbs = all.filter { $0["shouldDisplay"]?.bool != false && $0["commandName"] != "help" }
    }

    var text: String {
        let name = ["runcvm", verb].compactMap(\.self).joined(separator: " ")
        let title = name.uppercased().replacing(" ", with: "-")
        var lines = [
            ".TH \(title) 1 \"\" \"runcvm \(version)\" \"runcvm\"", ".SH NAME",
            "\(Self.escaped(name.replacing(" ", with: "-"))) \\- \(Self.escaped(string("abstract")))",
            ".SH SYNOPSIS", "\\fB\(Self.escaped(name))\\fR \(synopsis)",
        ]
        lines += [".SH DESCRIPTION"] + Self.paragraphs(string("discussion"))
        let options = arguments.flatMap(Self.option)
        if !options.isEmpty { lines += [".SH OPTIONS"] + options }
        if verb == nil { lines += [".SH VERBS"] + verbs.flatMap(Self.entry) }
        lines += Self.exitStatus + [".SH SEE ALSO"] + (verb == nil ? seeVerbs : ["\\fBruncvm\\fR(1)"])
        return lines.map { "\($0)\n" }.joined()
    }

    private var arguments: [JSONValue] {
        (command["arguments"]?.array ?? []).filter { $0["shouldDisplay"]?.bool != false }
    }

    private func string(_ key: String) -> String { command[key]?.string ?? "" }

    private var synopsis: String {
        if verb == nil { return "\\fIVERB\\fR [\\fIoptions\\fR]" }
        return arguments.map { argument in
            let words = Self.words(argument)
            let more = argument["isRepeating"]?.bool == true ? " ..." : ""
            return argument["isOptional"]?.bool == true ? "[\(words)]\(more)" : words + more
        }.joined(separator: " ")
    }

    private var seeVerbs: [String] {
        [
            verbs.compactMap { $0["commandName"]?.string }.map { "\\fBruncvm\\-\(Self.escaped($0))\\fR(1)" }.joined(
                separator: ",\n")
        ]
    }

    /// `--netns NETNS`, or `ID` for what has no name.
    private static func words(_ argument: JSONValue, all: Bool = false) -> String {
        let value = "\\fI\(escaped(argument["valueName"]?.string ?? ""))\\fR"
        let names = (all ? argument["names"]?.array : argument["preferredName"].map { [$0] }) ?? []
        let options = names.map { name in
            "\\fB\(escaped((name["kind"] == "long" ? "--" : "-") + (name["name"]?.string ?? "")))\\fR"
        }
        switch argument["kind"] {
        case "positional": return value
        case "flag": return options.joined(separator: ", ")
        default: return options.joined(separator: ", ") + " \(value)"
        }
    }

    private static func option(_ argument: JSONValue) -> [String] {
        let abstract = argument["abstract"]?.string ?? ""
        let standard =
            argument["defaultValue"]?.string.map { abstract.contains("Default") ? "" : " (default: \($0))" } ?? ""
        return [".TP", words(argument, all: true), escaped(abstract + standard)]
    }

    private static func entry(_ verb: JSONValue) -> [String] {
        [".TP", "\\fB\(escaped(verb["commandName"]?.string ?? ""))\\fR", escaped(verb["abstract"]?.string ?? "")]
    }

    /// Text is filled; lines that are set in are examples, and stay as they are.
    private static func paragraphs(_ text: String) -> [String] {
        var lines: [String] = []
        var isExample = false
        func leave() { if isExample { lines += [".EE", ".RE"] } }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isIndented = line.hasPrefix("  ")
            if isIndented != isExample, !line.isEmpty {
                leave()
                lines += isIndented ? [".PP", ".RS 4", ".EX"] : [".PP"]
                isExample = isIndented
            }
            if line.isEmpty {
                lines += isExample ? [] : [".PP"]
            } else {
                lines.append(escaped(String(isIndented ? line.dropFirst(2) : line)))
            }
        }
        leave()
        return lines
    }

    private static let exitStatus =
        [
            ".SH EXIT STATUS",
            "0 done, 64 usage, 65 bad input document, 66 an input file is missing, 69 something needed is missing, 70 a defect of",
            "runcvm, 71 a system call failed, 73 cannot create output, 75 try again, 77 a privilege is missing.",
        ]

    /// No word of a text is roff's: a backslash, a hyphen that must stay one, a line that begins as a request.
    static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&\(plain)" : plain
    }
}
