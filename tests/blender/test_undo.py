"""One undo step for each operator that changes the file's data, none for others, none while frames come."""

NO_DATA = """
    attach camera_from_video cancel cancel_world copy_key copy_text draft_path estimate forget_server generate
    generate_next imagine keep_server look_ahead make_world preset_add server_log start_server stop_after_chunk
    stop_after_range stop_server test_connection use_server wipe
"""
"""Operators that ask the server (what comes of it is imported, as one step), or change preferences and views alone."""

THAT_WAIT = """
    attach camera_from_video draft_path estimate generate generate_next imagine make_world start_server test_connection
"""
"""Operators that block where they are executed: Repeat Last must not do that to who pressed a button before."""


def test_each_operator_that_changes_data_is_one_undo_step(in_blender, extension, tmp_path):
    found = in_blender("undo.py", extension, tmp_path)
    assert found["no steps"] == NO_DATA.split()
    assert found["not repeated"] == THAT_WAIT.split()
    assert found["grouped"] == []
    assert found["lock"] == [[[60, True]], 0, "now"]
    assert found["own"] == [[[60, False]], 0, "now"]
    assert found["shown"] == [1, 2, 3]
    assert found["streamed"] == "before"
    assert found["imported"] == [1, "now"]
    assert found["no frames"].startswith("Error: Frame 5"), found["no frames"]
