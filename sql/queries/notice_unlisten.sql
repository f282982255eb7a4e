-- Takes notice_listen back where nothing arrived. No parameters, no columns. postgres/notices.cpp.
UNLISTEN sync_node
