"""The router: page config, navigation, the line on every page; and the server in front.

`streamlit run app.py` uses this file twice: it imports `app` to answer requests, and runs the file
as the script of every visit.
"""

import sys

import streamlit as st

if __name__ == "__main__":  # a visit
    from fracture_core import files
    from fracture_core.errors import FractureError
    from ui.shared import theme
    from ui.shell import actions, data_change, frame, memory, owner, state, turns

    st.set_page_config(page_title="Fracture Explorer", page_icon=frame.ICON, layout="wide")
    page = st.navigation(frame.pages(), position="hidden" if state.is_projected() else "top")
    try:
        with turns.turn():
            actions.begin()
            owner.admit()
            frame.show(page.url_path)
            if data_change.settle(frame.needs_data(page)):
                page.run()
            actions.show_errors()
        state.check_serializable()
        memory.spare_collector(len(sys.modules))
        memory.collect()
    except FractureError as error:  # meant for a person; any other error is a defect and is logged
        st.error(theme.plain(str(error)), icon=":material/error:")
        data_change.link(error)
    except OSError as error:
        st.error(theme.plain(owner.discreet(files.refusal(error))), icon=":material/error:")
else:
    from ui.shell import server

    app = st.App(__file__, middleware=server.MIDDLEWARE, lifespan=server.lifespan)
