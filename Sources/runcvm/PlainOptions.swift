import ArgumentParser

/// A verb of the hooks' pipes. ArgumentParser looks at every property of every verb by reflection, which takes as long as all
/// else that such a verb does; so the plainest command lines are read without it.
protocol HookVerb: ParsableCommand {
    /// Sets every property: those that have an option from it, where it is given.
    mutating func set(from options: inout PlainOptions)
}

/// A verb's arguments where they are nothing but `--name value` pairs, or none. All else is ArgumentParser's: flags, operands,
/// `--name=value`, and every mistake.
struct PlainOptions {
    private var values: [String: String] = [:]

    /// The command that ArgumentParser would have made, ready to run; nil where this is not for us.
    static func command(_ arguments: [String]) -> (any ParsableCommand)? {
        let verb = verbs.first { $0.configuration.commandName == arguments.first }
        guard let verb, var options = PlainOptions(arguments.dropFirst()) else { return nil }
        return command(verb, &options)
    }

    private static let verbs: [any HookVerb.Type] = [
        NetPlanCommand.self, StateSaveCommand.self, TapCreateCommand.self, BridgeAliasCommand.self,
        NATEnableCommand.self,
        FCConfigCommand.self, StateLoadCommand.self, NATDisableCommand.self, BridgeRestoreCommand.self,
        TapDeleteCommand.self, StateDeleteCommand.self,
    ]

    private static func command<Verb: HookVerb>(_ verb: Verb.Type, _ options: inout PlainOptions) -> Verb? {
        var command = Verb()
        command.set(from: &options)
        guard options.values.isEmpty, (try? command.validate()) != nil else { return nil }
        return command
    }

    private init?(_ words: ArraySlice<String>) {
        var rest = words
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst(), !value.isEmpty, !value.hasPrefix("-"),
                values.updateValue(value, forKey: String(name.dropFirst(2))) == nil
            else { return nil }
        }
    }

    /// An option's value, once; nil where it is not given. What cannot be read stays, and makes this nothing for us.
    mutating func take<Value: ExpressibleByArgument>(_ name: String) -> Value? {
        guard let value = values[name].flatMap(Value.init(argument:)) else { return nil }
        values[name] = nil
        return value
    }
}
