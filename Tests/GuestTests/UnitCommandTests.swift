import Testing

@testable import Guest

@Suite struct UnitCommandTests {
    @Test(
        "systemd's words for an end are Docker's status",
        arguments: [
            ("exited", "0", 0), ("exited", "7", 7), ("killed", "KILL", 137), ("killed", "TERM", 143),
            ("dumped", "SEGV", 139), ("killed", "34", 162), ("killed", "", 255),
            ("killed", "9223372036854775807", 255), ("exited", "9223372036854775807", 255),
        ])
    func status(_ code: String, _ status: String, _ expected: Int) {
        #expect(UnitCommand.status(code: code, status: status) == expected)
    }
}
