-- Takes notice_listen back where nothing arrived. No parameters, no columns. postgres/hearing.cpp.
UNLISTEN sync_node
