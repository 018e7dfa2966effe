import OCI
import Testing

@testable import runcvm

@Suite("the runtime's exec")
struct RuntimeExecTests {
    @Test("what a process.json leaves out is as for the container's own process, as with runc")
    func inherits() {
        let container: JSONValue = [
            "args": ["sh"], "env": ["A=1"], "capabilities": ["bounding": ["CAP_CHOWN"]], "noNewPrivileges": true,
            "rlimits": [["type": "RLIMIT_NOFILE", "soft": 1, "hard": 2]],
        ]
        let process = RuntimeExec.completed(["args": ["id"], "noNewPrivileges": false], from: container)
        #expect(process["args"] == ["id"] && process["env"] == nil)
        #expect(process["capabilities"] == container["capabilities"] && process["rlimits"] == container["rlimits"])
        #expect(process["noNewPrivileges"] == false)
        #expect(RuntimeExec.completed(["capabilities": [:]], from: container)["capabilities"] == [:])
    }
}
