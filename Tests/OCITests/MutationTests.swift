import Foundation
import Mutation
import Testing

@testable import OCI

@Suite("wrong input: what engines give")
struct MutationTests {
    @Test("no state, bundle, process or command line traps, hangs or eats memory")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let config = (try? Data(contentsOf: fixture("docker-bridge.json"))).map { [UInt8]($0) } ?? []
    private static func fixture(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/oci/\(name)")
    }
    private static let state = #"""
        {"ociVersion":"1.0.2","id":"4f1e0c","status":"created","pid":4242,"bundle":"/run/containerd/4f1e0c",
         "annotations":{"x":"y"}}
        """#
    private static let kinds = #"""
        {"a":[1,-0,1.5e-3,9223372036854775807,18446744073709551615,true,false,null,{},[]],"\u00e9\ud83d\ude00":"\b\f\n\r\t\/\\\""}
        """#
    private static let process = #"""
        {"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":0,"gid":0,"additionalGids":[0,10]},
         "args":["sh","-c","true"],"env":["PATH=/bin","TERM=xterm"],"cwd":"/","noNewPrivileges":false,
         "capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_CHOWN"],"permitted":["CAP_CHOWN"]},
         "rlimits":[{"type":"RLIMIT_NOFILE","hard":1048576,"soft":1024}],"oomScoreAdj":100}
        """#

    private static let targets = [
        Target("JSON", .json, 4000, seeds: [[UInt8](process.utf8), [UInt8](kinds.utf8)]) { bytes in
            // It takes minutes for the extreme ones.
            guard bytes.count < 10_000 else { return }
            let theirs = try? JSONDecoder().decode(LibrarysJSON.self, from: Data(bytes)).value
            let ours = JSONReader.read(bytes)
            // JSONDecoder takes `[1,]`; the engines' readers do not.
            let dense = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
            if ours == nil, dense.contains(",]") || dense.contains(",}") { return }
            guard ours == theirs else { throw Fault("JSONDecoder reads \(theirs as Any)") }
        },
        Target("config.json", .json, 3000, seeds: [config]) { bytes in
            let document = try JSONValue(parsing: bytes, subject: "config.json")
            guard try JSONValue(parsing: document.serialized(), subject: "again") == document else {
                throw Fault("another document when written and read again")
            }
            _ = try OCIConfig(document: document)
        },
        Target("state", .json, 6000, seeds: [[UInt8](state.utf8)]) { _ = try OCIState(parsing: $0) },
        Target("process.json", .json, 6000, seeds: [[UInt8](process.utf8)]) { bytes in
            let process: OCIProcess = try JSONValue(parsing: bytes, subject: "process.json").decoded(at: "process.json")
            _ = try JSONValue(encoding: process).serialized()
        },
        Target(
            text: "command line", 4000,
            seeds: [
                "--root\n/run/r\n--log=/l\n--log-format\njson\ncreate\n--bundle\n/b\n--pid-file=/p\nid",
                "exec\n--process\n/p.json\n-d\nid\n--\nsh\n-c\ntrue", "delete\n--force\nid", "kill\nid\n9",
            ]
        ) { text in
            let arguments = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            let line = RuntimeCommandLine(arguments: arguments)
            guard line.arguments == arguments else { throw Fault("arguments are changed") }
            let counted = line.globalArguments.count + line.options.reduce(0) { $0 + $1.given.count }
            guard counted + line.command.count <= arguments.count else { throw Fault("arguments are made up") }
        },
        Target(text: "log line", 2000, seeds: ["runcvm: no such folder"]) { text in
            for format in ["json", "text"] {
                let line = try RuntimeLog.line(text, .error, format: format, time: "2024-01-01T00:00:00Z")
                guard line.last == 0x0a, line.count(where: { $0 == 0x0a }) == 1 else { throw Fault("not one line") }
            }
        },
    ]
}

/// What JSONDecoder makes of a document.
private struct LibrarysJSON: Decodable {
    let value: JSONValue

    init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if let text = try? single.decode(String.self) {
            value = .string(text)
        } else if let number = try? single.decode(Int64.self) {
            value = .integer(number)
        } else if single.decodeNil() {
            value = .null
        } else if let flag = try? single.decode(Bool.self) {
            value = .bool(flag)
        } else if let number = try? single.decode(UInt64.self) {
            value = .unsigned(number)
        } else if let number = try? single.decode(Double.self) {
            value = .number(number)
        } else if let elements = try? single.decode([LibrarysJSON].self) {
            value = .array(elements.map(\.value))
        } else {
            value = .object(try single.decode([String: LibrarysJSON].self).mapValues(\.value))
        }
    }
}
