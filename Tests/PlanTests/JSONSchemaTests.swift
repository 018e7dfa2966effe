import Foundation
import OCI
import Plan
import Testing

@Suite("JSON Schema")
struct JSONSchemaTests {
    /// Documents that a schema is asked about, and what it shall say.
    struct Question {
        var name: String
        var document: JSONValue
        var isValid: Bool
    }

    /// Asks python3-jsonschema, another's implementation. Returns the names of the wrong answers, with its words.
    private func wrongAnswers(_ schema: JSONValue, _ questions: [Question]) throws -> String {
        let program = """
            import json, sys, jsonschema
            data = json.load(sys.stdin)
            validator = jsonschema.Draft202012Validator
            validator.check_schema(data["schema"])
            validator = validator(data["schema"])
            for question in data["questions"]:
                errors = [f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(question["document"])]
                if bool(errors) == question["valid"]: print(question["name"], *errors[:2])
            print(len(data["questions"]), "asked")
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", program]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        let asked: JSONValue = [
            "schema": schema,
            "questions": .array(
                questions.map { ["name": .string($0.name), "document": $0.document, "valid": .bool($0.isValid)] }),
        ]
        try input.fileHandleForWriting.write(contentsOf: Data(asked.serialized()))
        try input.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return text.replacing("\(questions.count) asked\n", with: "")
    }

    private func schema(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: [UInt8](text.utf8), subject: "schema")
    }

    /// The same schema, to which a key that it does not describe is a fault.
    private func closed(_ schema: JSONValue) -> JSONValue {
        guard let members = schema.object else { return schema.array.map { .array($0.map(closed)) } ?? schema }
        var copy = JSONValue.object(members.mapValues(closed))
        if members["type"] == "object" { copy["additionalProperties"] = false }
        return copy
    }

    private let facts = PlanCase.all.compactMap { planCase in
        planCase.document["facts"].map {
            (name: planCase.name, document: $0, exit: planCase.document["expect"]?["error"]?["exit"]?.integer)
        }
    }

    @Test("the facts of every case are as the schema says, and it describes each of their keys")
    func validFacts() throws {
        let good = facts.filter { $0.exit != 65 }.map { Question(name: $0.name, document: $0.document, isValid: true) }
        #expect(good.count > 90)
        #expect(try wrongAnswers(closed(schema(JSONSchema.facts)), good) == "")
    }

    @Test("the plan of every case is as the schema says, and it describes each of its keys")
    func validPlans() throws {
        let plans = try facts.compactMap { planCase -> Question? in
            guard let facts = try? Facts(parsing: planCase.document.serialized(), subject: "facts"),
                let plan = try? Planner.plan(facts)
            else { return nil }
            let state = try VMState(container: ContainerReference(id: facts.container.id), network: plan)
            return Question(name: planCase.name, document: state.document, isValid: true)
        }
        #expect(plans.count > 70)
        #expect(try wrongAnswers(closed(schema(JSONSchema.vmState)), plans) == "")
    }

    /// What only the verbs can tell: names that must be others' names, a network's own address, two families in one
    /// route, the bytes of a letter.
    private let beyond = [
        #""dev":"eth9""#, #""dev":"x""#, "10.1.2.3/8", "fd00::1/64", #""family":6"#, #""fd00::/8","via":"10"#,
        #""source":"fd00"#,
        "u00e0",
    ]

    @Test("malformed facts are refused by the schema as by net-plan")
    func malformedFacts() throws {
        let bad = FactsTests.faults.compactMap { fault -> Question? in
            guard let document = try? JSONValue(parsing: [UInt8](fault.0.utf8), subject: "facts"),
                document.object != nil, !beyond.contains(where: fault.0.contains), !fault.1.hasSuffix("there twice")
            else { return nil }
            return Question(name: fault.0, document: document, isValid: false)
        }
        #expect(bad.count > 28)
        #expect(try wrongAnswers(schema(JSONSchema.facts), bad) == "")
    }

    /// A document of all verbs, in which each of these is changed in one place.
    static let state = """
        {"version":1,"container":{"id":"web","netns":"/run/netns/web","netnsInode":4026532267,"x":1},
         "network":{"mode":"bridge","dns":{"relay":["127.0.0.11"]},"warnings":[],
           "nics":[{"name":"eth0","tap":"tap-eth0","guestMAC":"62:56:73:9f:a1:44","mtu":1500,
             "attach":{"model":"bridge","bridge":"br-eth0","port":"eth0","portMAC":"66:56:73:9f:a1:44"},
             "addresses":["10.9.0.2/24","2001:db8::2/64"],"routes":[{"to":"default","via":"10.9.0.1","metric":5}],
             "neighbors":[{"ip":"10.9.0.254","mac":"6a:56:73:9f:a1:44"}],"alias":"10.9.0.254/24"}]},
         "taps":[{"mtu":1500,"name":"tap-eth0","owner":0}],
         "bridges":[{"alias":"10.9.0.254/24","mac":"6a:56:73:9f:a1:44","name":"br-eth0","ports":["eth0","tap-eth0"]}],
         "machine":{"config":"/c","directory":"/d","firecracker":"/f","id":"web","memory":256,"terminal":false,"vcpus":1},
         "x-ours":{"a":[1]}}
        """

    static let mutations: [(old: String, new: String)] = [
        (#""version":1"#, #""version":2"#), (#""id":"web","netns""#, #""id":"a/b","netns""#),
        (#""mode":"bridge""#, #""mode":"host""#), (#""mode":"bridge""#, #""mode":"bridged""#),
        (#""model":"bridge""#, #""model":"macvtap""#), (#""port":"eth0","#, ""),
        (#""guestMAC":"62:"#, #""guestMAC":"6:"#),
        (#""mtu":1500,"#, #""mtu":67,"#), (#""mtu":1500,"#, #""mtu":"1500","#), (#""mtu":1500,"#, #""mtu":1500.5,"#),
        ("10.9.0.2/24", "10.9.0.2"), ("10.9.0.2/24", "10.9.0.256/24"), ("10.9.0.2/24", "10.9.0.2/33"),
        ("10.9.0.2/24", "10.9.0.02/24"), ("2001:db8::2/64", "2001:db8::2::3/64"), ("2001:db8::2/64", "2001:db8::2/129"),
        ("2001:db8::2/64", "1:2:3:4:5:6:7::8:9/64"), (#""metric":5"#, #""metric":-1"#),
        (#""to":"default""#, #""to":"all""#),
        (#""name":"eth0","tap""#, #""name":"eth 0","tap""#),
        (#""name":"eth0","tap""#, #""name":"an-interface-too-long","tap""#),
        (#""owner":0"#, #""owner":"root""#), (#""vcpus":1"#, #""vcpus":0"#), (#""terminal":false"#, #""terminal":0"#),
    ]

    @Test("a document with one fault in it is refused")
    func malformedState() throws {
        var questions = [Question(name: "whole", document: try schema(Self.state), isValid: true)]
        for (old, new) in Self.mutations {
            let text = Self.state.replacing(old, with: new, maxReplacements: 1)
            try #require(text != Self.state, "\(old)")
            questions.append(Question(name: new, document: try schema(text), isValid: false))
        }
        #expect(try wrongAnswers(schema(JSONSchema.vmState), questions) == "")
    }

    @Test(
        "an address is one to the schema where it is one to the verbs",
        arguments: [
            "10.0.0.1", "1.2.3", "1.2.3.4.5", "::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8::", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "1:2", ":::",
            "1::2::3",
            "fe80::1%eth0", "12345::", "::ffff:10.0.0.256", "1:2:3:4::5:6:7:8", "1:2:3::5:6:7:8", "", "default",
            "1::2:1.2.3.4:3",
        ])
    func addresses(_ text: String) throws {
        let definition = try schema(JSONSchema.facts)["$defs"]?["ip"]?["pattern"]?.string
        let isAddress = text.wholeMatch(of: try Regex(#require(definition))) != nil
        #expect(isAddress == (IPAddress(text) != nil))
    }
}
