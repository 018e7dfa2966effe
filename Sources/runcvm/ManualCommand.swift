import ArgumentParser
import OCI

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Print the manual page of runcvm, or of a verb, for man(1).",
        discussion: """
            The same words as --help's. scripts/install puts the pages where man runcvm-net-plan finds them; --list names
            those that there are.

              runcvm manual net-plan | man -l -
            """)

    @Argument(help: "The verb. Default: runcvm itself.")
    var verb: String?

    @Flag(help: "Print the verbs that have a page.")
    var list = false

    func validate() throws {
        guard let verb, !Self.verbs.contains(verb) else { return }
        throw ValidationError("unknown verb '\(verb)'")
    }

    private static var verbs: [String] {
        Runcvm.configuration.subcommands.compactMap { $0.configuration.commandName }
    }

    func run() throws {
        let help = try JSONValue(parsing: [UInt8](Runcvm._dumpHelp().utf8), subject: "ArgumentParser's help")
        let text =
            list ? Self.verbs.map { "\($0)\n" }.joined() : try ManualPage(help, verb: verb, version: Version.text).text
        try DocumentPipe.writeText([UInt8](text.utf8))
    }
}
