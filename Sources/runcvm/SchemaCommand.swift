import ArgumentParser
import Plan

struct SchemaCommand: ParsableCommand {
    enum Document: String, ExpressibleByArgument, CaseIterable { case vmstate, facts }

    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema (2020-12) of the document on the pipe, or of net-plan's facts.",
        discussion: """
            For editors, and for a check of what a pipe gets and gives. As strict as the verbs are; unknown keys are
            allowed, since they are kept.

              runcvm schema vmstate > vmstate.schema.json
              runcvm schema facts > facts.schema.json
              jsonschema -i report.json facts.schema.json
            """)

    @Argument(help: "Which one.")
    var document: Document

    func run() throws {
        let text = document == .facts ? JSONSchema.facts : JSONSchema.vmState
        try DocumentPipe.writeText([UInt8](text.utf8))
    }
}
