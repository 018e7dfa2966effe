import Foundation
import OCI
import Plan
import Testing

/// A planner case: facts in, expectations out.
struct PlanCase: CustomTestStringConvertible {
    let name: String
    let document: JSONValue
    var testDescription: String { "\(name): \(document["title"]?.string ?? "")" }

    static let all: [PlanCase] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/plan")
            .standardized
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.compactMap { file in
            guard let data = try? Data(contentsOf: file) else { return nil }
            guard let document = try? JSONValue(parsing: [UInt8](data), subject: file.lastPathComponent) else {
                return nil
            }
            return PlanCase(name: file.deletingPathExtension().lastPathComponent, document: document)
        }
    }()
}

extension JSONValue {
    /// The value at a path like `network.nics.0.mtu`.
    func at(_ path: String) -> JSONValue? {
        path.split(separator: ".").reduce(Optional(self)) { value, key in
            if let index = Int(key), let list = value?.array { return list.indices.contains(index) ? list[index] : nil }
            return value?[String(key)]
        }
    }
}

@Suite("planner cases")
struct PlanCaseTests {
    @Test("every fixture is read")
    func fixtures() {
        #expect(PlanCase.all.count >= 95)
    }

    @Test("the plan is as the case expects", arguments: PlanCase.all)
    func expectations(_ planCase: PlanCase) throws {
        let expect = try #require(planCase.document["expect"])
        let facts = try #require(planCase.document["facts"]).serialized()
        if let error = expect["error"] {
            let failure = #expect(throws: Failure.self) { try Planner.plan(Facts(parsing: facts, subject: "facts")) }
            #expect(failure.map { exitCode[$0.kind] } == error["exit"]?.integer)
            for word in error["contains"]?.array ?? [] {
                #expect(failure?.message.contains(word.string ?? "?") == true, "\(failure?.message ?? "")")
            }
            return
        }
        let plan = try Planner.plan(Facts(parsing: facts, subject: "facts"))
        let document = JSONValue.object(["network": try JSONValue(encoding: plan)])
        for (path, value) in expect["equals"]?.object ?? [:] {
            #expect(document.at(path) == value, "\(path)")
        }
        for path in expect["absent"]?.array ?? [] {
            #expect(document.at(path.string ?? "") == nil, "\(path)")
        }
        for (path, part) in expect["contains"]?.object ?? [:] {
            let text = try #require(document.at(path)?.string, "\(path)")
            #expect(!text.isEmpty && (part.string == "" || text.contains(part.string ?? "?")))
        }
        for part in expect["warns"]?.array ?? [] {
            #expect(plan.warnings.contains { $0.contains(part.string ?? "?") }, "\(plan.warnings)")
        }
    }

    @Test("the same facts give the same document, byte by byte", arguments: PlanCase.all)
    func deterministic(_ planCase: PlanCase) throws {
        let facts = try Facts(parsing: try #require(planCase.document["facts"]).serialized(), subject: "facts")
        func text() throws -> [UInt8]? {
            guard let plan = try? Planner.plan(facts) else { return nil }
            return try VMState(container: ContainerReference(id: "x"), network: plan).serialized()
        }
        #expect(try text() == text())
    }

    private let exitCode: [Failure.Kind: Int64] = [.usage: 64, .badInput: 65, .unavailable: 69, .privilege: 77]
}
