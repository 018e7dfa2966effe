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
        guard let verb = arguments.first, var options = PlainOptions(arguments.dropFirst()) else { return nil }
        // No table of types: it would have the Swift runtime make what it must know of each.
        return switch verb {
        case "net-plan": command(NetPlanCommand.self, &options)
        case "state-save": command(StateSaveCommand.self, &options)
        case "tap-create": command(TapCreateCommand.self, &options)
        case "bridge-alias": command(BridgeAliasCommand.self, &options)
        case "nat-enable": command(NATEnableCommand.self, &options)
        case "fc-config": command(FCConfigCommand.self, &options)
        case "state-load": command(StateLoadCommand.self, &options)
        case "nat-disable": command(NATDisableCommand.self, &options)
        case "bridge-restore": command(BridgeRestoreCommand.self, &options)
        case "tap-delete": command(TapDeleteCommand.self, &options)
        case "state-delete": command(StateDeleteCommand.self, &options)
        default: nil
        }
    }

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
