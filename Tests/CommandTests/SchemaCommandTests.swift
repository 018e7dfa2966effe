import Foundation
import Testing

@Suite("schema on the command line")
struct SchemaCommandTests {
    @Test("the document is as the schema says at every stage of the pipe", .enabled(if: geteuid() == 0, "needs root"))
    func stages() throws {
        let text = try World.run(
            """
            export RUNCVM_FIRECRACKER=/bin/true; cd /run
            $runcvm schema vmstate >schema; touch kernel initrd disk
            $runcvm net-plan --netns /run/netns/web | tee 1 | $runcvm tap-create | tee 2 | $runcvm bridge-alias | tee 3 |
                $runcvm nat-enable | $runcvm fc-config --kernel kernel --initrd initrd --rootfs disk >4
            for document in 1 2 3 4; do
                /usr/bin/python3 -c '
            import json, jsonschema, sys
            schema, document = (json.load(open(file)) for file in sys.argv[1:])
            jsonschema.Draft202012Validator(schema).validate(document)
            print(*document)' schema $document
            done
            """)
        #expect(
            text == """
                container network version
                container network taps version
                bridges container network taps version
                bridges container machine network taps version

                """)
    }

    @Test("a document that there is not is named, with those that there are")
    func unknown() throws {
        let outcome = try Tool.run(["schema", "state"])
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("vmstate") && outcome.errors.contains("facts"), "\(outcome.errors)")
    }
}
